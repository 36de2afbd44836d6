package all_test

import (
	"context"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fapilog/fapilog"
	"github.com/fapilog/fapilog/internal/reference"
	"github.com/fapilog/fapilog/sink"
	_ "github.com/fapilog/fapilog/sink/all"
)

// ownModules are the schemes that it cannot link.
var ownModules = []string{"cloudwatch"}

func TestEverySinkOfTheModuleIsLinked(t *testing.T) {
	for _, k := range reference.Absent() {
		if !slices.Contains(ownModules, k.Scheme) {
			t.Errorf("%s is not linked", k.Scheme)
		}
	}
}

// A sink that is described has an example. What it stands for is right, and its
// parameters and those of every sink are different ones.
func TestEverySinkHasAnExampleThatIsRight(t *testing.T) {
	for _, scheme := range sink.Schemes() {
		k, _ := reference.Of(scheme)
		if k.Summary == "" || k.Example == "" {
			t.Errorf("%s: summary %q, example %q", scheme, k.Summary, k.Example)
			continue
		}
		cfg, err := fapilog.ConfigFromEnv(k.Example)
		if err != nil {
			t.Errorf("%s: %v", k.Example, err)
			continue
		}
		if plan, err := cfg.Plan(); err != nil || len(plan.Sinks) != 1 {
			t.Errorf("%s: %v", k.Example, err)
		}
	}
}

// No record is to blame for it, and none is given up.
func TestPlainHTTPToAPortOfTLSParks(t *testing.T) {
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	defer server.Close()
	for _, scheme := range []string{"http", "loki", "elasticsearch", "opensearch", "otlp"} {
		s, err := sink.Open(t.Context(), scheme+"://"+server.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		err = s.Write(ctx, []sink.Record{{Time: time.Now(), JSON: []byte(`{"msg":"hello"}`)}})
		cancel()
		var e *sink.Error
		if !errors.As(err, &e) || e.Verdict != sink.Park || !strings.Contains(err.Error(), "scheme with https") {
			t.Errorf("%s: %v", scheme, err)
		}
		s.Close()
	}
}
