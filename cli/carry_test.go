package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/fapilog/fapilog"
)

func TestSinkFlagsReplaceTheSinksOfTheEnvironment(t *testing.T) {
	dir := filepath.ToSlash(t.TempDir())
	vars := map[string]string{"FAPILOG_SINKS": "file:" + dir + "/environment", "FAPILOG_LEVEL": "info"}
	r := call(t, vars, "pipe", "--sink", "file:"+dir+"/a,b?level=info", "--sink=file:"+dir+"/c")
	if r.status != exitOK {
		t.Fatalf("exit status %d; %s", r.status, r.stderr)
	}
	for _, name := range []string{"a,b", "c"} {
		checkSame(t, name, messages(t, readFile(t, filepath.Join(dir, name))), []string{"a line"})
	}
	if _, err := os.Stat(filepath.Join(dir, "environment")); err == nil {
		t.Error("the sink of the environment was opened as well")
	}
}

func TestWrongSinkFlagIsStatus2AndCreatesNothing(t *testing.T) {
	for name, c := range map[string]struct {
		sinks []string
		want  string
	}{
		"an unknown scheme": {[]string{"file:DIR/a", "filee://user:" + canary + "@h/b"}, `did you mean "file"?`},
		"which one it is":   {[]string{"file:DIR/a", "filee:DIR/b"}, "sink 2"},
		"a wrong parameter": {[]string{"file:DIR/a?levle=info"}, `did you mean "level"?`},
		"a malformed one":   {[]string{"file://u:" + canary + "/x@h/a"}, "sink 1"},
		"an unset variable": {[]string{"file:${CLI_TEST_UNSET}"}, "CLI_TEST_UNSET"},
		"an empty one":      {[]string{"file:DIR/a", ""}, "want a URI such as stdout"},
		"a blank one":       {[]string{" "}, "want a URI such as stdout"},
	} {
		for _, command := range []string{"pipe", "run"} {
			t.Run(command+"/"+name, func(t *testing.T) {
				dir := t.TempDir()
				args := []string{command}
				for _, s := range c.sinks {
					args = append(args, "--sink", strings.ReplaceAll(s, "DIR", filepath.ToSlash(dir)))
				}
				if command == "run" {
					args = append(args, "--", "touch", filepath.Join(dir, "started"))
				}
				r := call(t, nil, args...)
				if r.status != exitUsage || r.stdout != "" || !strings.Contains(r.stderr, c.want) {
					t.Errorf("status %d, standard output %q, standard error\n%s\nwant 2, nothing, and %q", r.status, r.stdout, r.stderr, c.want)
				}
				if leaks(r.stderr) {
					t.Errorf("a secret in\n%s", r.stderr)
				}
				if left, _ := filepath.Glob(filepath.Join(dir, "*")); left != nil {
					t.Errorf("created %q", left)
				}
			})
		}
	}
}

func TestFlagsThatDoNotFitAreStatus2(t *testing.T) {
	for name, c := range map[string]struct {
		args []string
		want string
	}{
		"a wrong regular expression":     {[]string{"--multiline", "("}, "missing closing )"},
		"an empty one":                   {[]string{"--multiline", ""}, "want a regular expression"},
		"a limit without one":            {[]string{"--multiline-max", "1KiB"}, "--multiline-max is of no use without --multiline"},
		"a time without one":             {[]string{"--multiline-timeout", "1s"}, "--multiline-timeout is of no use without --multiline"},
		"a record that is too large":     {[]string{"--multiline=^x", "--multiline-max", "1MiB"}, "--multiline-max is 1MiB, and a record holds 256KiB"},
		"a record without a byte":        {[]string{"--multiline=^x", "--multiline-max", "0"}, "want a size of 1 byte or more"},
		"a record without a line":        {[]string{"--multiline=^x", "--multiline-lines", "0"}, "want a whole number, 1 or more"},
		"no port":                        {[]string{"--admin", "localhost"}, "want a port such as 9090"},
		"a port that is none":            {[]string{"--admin", ":65536"}, "want a port such as 9090"},
		"a URI as an address":            {[]string{"--admin", "http://u:" + canary + "@h"}, `"http://***:***@h"`},
		"a word for whether to show":     {[]string{"--progress=maybe"}, "maybe"},
		"a flag of another command":      {[]string{"--strict"}, `unknown flag "--strict"`},
		"a misspelt one of this command": {[]string{"--multline", "x"}, `did you mean "--multiline"?`},
	} {
		t.Run(name, func(t *testing.T) {
			r := call(t, nil, append([]string{"pipe"}, c.args...)...)
			if r.status != exitUsage || r.stdout != "" || !strings.Contains(r.stderr, c.want) || leaks(r.stderr) {
				t.Errorf("status %d, standard output %q, standard error\n%s\nwant 2, nothing, and %q", r.status, r.stdout, r.stderr, c.want)
			}
		})
	}
}

func TestAddressWithoutAHostIsTheLoopbackInterface(t *testing.T) {
	for text, want := range map[string]string{
		"9090": "127.0.0.1:9090", ":9090": "127.0.0.1:9090", ":0": "127.0.0.1:0", "0": "127.0.0.1:0",
		"0.0.0.0:9090": "0.0.0.0:9090", "[::]:9090": "[::]:9090", "[::1]:80": "[::1]:80", "localhost:80": "localhost:80",
		"logs.example.com:80": "logs.example.com:80",
		"":                    "", ":": "", "host": "", "host:": "", "host:http": "", "::1": "", "1:2:3": "", "-1": "", "http://h:80": "",
	} {
		var a address
		if err := a.Set(text); string(a) != want || (err == nil) != (want != "") {
			t.Errorf("%q is %q, %v, want %q", text, a, err, want)
		}
	}
}

func TestTakenPortIsStatus2BeforeAnythingIsOpened(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	dir := t.TempDir()
	r := call(t, nil, "pipe", "--admin", taken.Addr().String(), "--sink", "file:"+filepath.ToSlash(dir)+"/a")
	if r.status != exitUsage || !strings.Contains(r.stderr, "--admin") || !strings.Contains(r.stderr, taken.Addr().String()) {
		t.Errorf("status %d; %s", r.status, r.stderr)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*")); left != nil {
		t.Errorf("created %q", left)
	}
}

func TestMistakeInTheConfigurationGivesThePortBack(t *testing.T) {
	var errs []error
	for range 3 { // another process may take a port that is free, but not each time
		free, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		address := free.Addr().String()
		free.Close()
		f := newPipeFlags()
		if _, err := f.parse([]string{"--admin", address}); err != nil {
			t.Fatal(err)
		}
		if _, err := f.open(fapilog.Config{}, limits{}, streams{}); err == nil {
			t.Fatal("a pipeline without a sink was opened")
		}
		again, err := net.Listen("tcp", address)
		if err == nil {
			again.Close()
			return
		}
		errs = append(errs, err)
	}
	t.Error(errors.Join(errs...))
}

func TestWhatIsSaidGoesBeforeWhatRunPrefers(t *testing.T) {
	for name, c := range map[string]struct {
		vars  map[string]string
		args  []string
		want  fapilog.OnFull
		waits bool
	}{
		"nothing":                     {nil, nil, 0, false},
		"--block":                     {nil, []string{"--block"}, fapilog.Block, true},
		"the environment":             {map[string]string{"FAPILOG_ON_FULL": "block"}, nil, fapilog.Block, false},
		"--block and the environment": {map[string]string{"FAPILOG_ON_FULL": "drop-oldest"}, []string{"--block"}, fapilog.Block, true},
	} {
		t.Run(name, func(t *testing.T) {
			for name, value := range c.vars {
				t.Setenv(name, value)
			}
			f := newRunFlags()
			program, _, err := f.parse(slices.Concat(c.args, []string{"--", "app", "--block", "-h"}))
			if err != nil || fmt.Sprint(program) != "[app --block -h]" {
				t.Fatalf("%q, %v", program, err)
			}
			cfg, err := f.config()
			if err != nil {
				t.Fatal(err)
			}
			if cfg.Defaults.OnFull != c.want || (cfg.Defaults.BlockTimeout == fapilog.Forever) != c.waits || cfg.Level == nil {
				t.Errorf("%+v", cfg.Defaults)
			}
		})
	}
}

func TestVariablesSayWhatIsMaskedAndHowMuchOfALineIsKept(t *testing.T) {
	t.Setenv("FAPILOG_REDACT_KEYS", "iban")
	t.Setenv("FAPILOG_REDACT_EXCEPT", "next_page_token")
	t.Setenv("FAPILOG_REDACT_PATTERN", "[0-9]{16}")
	t.Setenv("FAPILOG_MAX_RECORD", "1MiB")
	long := strings.Repeat("x", 500_000)
	in := `{"msg":"paid with 1234567812345678","iban":"DE1","next_page_token":"a","token":"b"}` + "\n" + long + "\n"
	file := filepath.Join(t.TempDir(), "out")
	var stderr bytes.Buffer
	if status := Main([]string{"pipe", "--sink", "file:" + filepath.ToSlash(file)}, strings.NewReader(in), io.Discard, &stderr); status != exitOK {
		t.Fatalf("exit status %d: %s", status, stderr.String())
	}
	first, second, _ := strings.Cut(string(readFile(t, file)), "\n")
	if want := `{"msg":"paid with ***","iban":"***","next_page_token":"a","token":"***"}`; first != want {
		t.Errorf("got %s, want %s", first, want)
	}
	if !strings.HasSuffix(second, `"msg":"`+long+"\"}\n") {
		t.Errorf("the long line has become %d bytes that end in %s", len(second), second[max(0, len(second)-60):])
	}
}

func TestJoinedRecordIsAsLongAsARecordCanBe(t *testing.T) {
	long := strings.Repeat("x", 200_000)
	in := strings.Repeat(long+"\n ", 3) + "\n" // one record
	for name, c := range map[string]struct {
		vars, max string
		want      int // bytes of the message; 0: a mistake
	}{
		"nothing is said":             {"", "", 256 << 10},
		"a record holds more":         {"1MiB", "", 600_000},
		"less of it is wanted":        {"1MiB", "300KiB", 300 << 10},
		"more than a record is asked": {"16KiB", "17KiB", 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("FAPILOG_MAX_RECORD", c.vars)
			file := filepath.Join(t.TempDir(), "out")
			args := []string{"pipe", "--multiline", "^[^ ]", "--sink", "file:" + filepath.ToSlash(file)}
			if c.max != "" {
				args = append(args, "--multiline-max", c.max)
			}
			var stderr bytes.Buffer
			status := Main(args, strings.NewReader(in), io.Discard, &stderr)
			if c.want == 0 {
				if want := "fapilog: --multiline-max is 17KiB, and a record holds 16KiB; lower it, or raise FAPILOG_MAX_RECORD\n"; status != exitUsage || stderr.String() != want {
					t.Errorf("status %d, standard error %q, want 2 and %q", status, stderr.String(), want)
				}
				return
			}
			if n := strings.Count(string(readFile(t, file)), "x"); status != exitOK || n < c.want-1000 || n > c.want {
				t.Errorf("status %d, %d bytes are kept, want %d; %s", status, n, c.want, stderr.String())
			}
		})
	}
}
