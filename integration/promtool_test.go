package integration

import (
	"io"
	"net/http"
	"os/exec"
	"strings"
	"testing"
)

// promtool runs promtool and returns what it prints. It has to succeed.
func promtool(t *testing.T, stdin io.Reader, args ...string) string {
	t.Helper()
	c := exec.Command(program(t, "promtool"), args...)
	c.Stdin = stdin
	output, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("promtool %s: %v\n%s", strings.Join(args, " "), err, output)
	}
	return string(output)
}

func TestPromtoolHasNothingToSayOfTheMetrics(t *testing.T) {
	program(t, "promtool")
	_, address := serve(t)
	answer, err := http.Get("http://" + address + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if output := promtool(t, answer.Body, "check", "metrics"); output != "" {
		t.Errorf("promtool says\n%s", output)
	}
}

func TestPromtoolAcceptsTheAlertRules(t *testing.T) {
	if output := promtool(t, nil, "check", "rules", "../docs/alerts.yml"); !strings.Contains(output, "SUCCESS") {
		t.Errorf("promtool says\n%s", output)
	}
}

func TestTheAlertRulesPassTheirUnitTests(t *testing.T) {
	if output := promtool(t, nil, "test", "rules", "../docs/alerts_test.yml"); !strings.Contains(output, "SUCCESS") {
		t.Errorf("promtool says\n%s", output)
	}
}
