package cli

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"github.com/fapilog/fapilog"
)

// result is what a call of Main gave.
type result struct {
	status         int
	stdout, stderr string
}

// call calls Main with these variables and no others of this package.
func call(t *testing.T, vars map[string]string, args ...string) result {
	t.Helper()
	for _, v := range os.Environ() {
		if name, _, _ := strings.Cut(v, "="); strings.HasPrefix(name, "FAPILOG_") {
			t.Setenv(name, "")
		}
	}
	for name, value := range vars {
		t.Setenv(name, value)
	}
	var stdout, stderr bytes.Buffer
	status := Main(args, strings.NewReader("a line\n"), &stdout, &stderr)
	return result{status, stdout.String(), stderr.String()}
}

func TestHelpShowsAnExample(t *testing.T) {
	for _, args := range [][]string{{"help"}, {"-h"}, {"--help"}, {"help", "pipe"}, {"help", "version"}, {"pipe", "-h"}, {"pipe", "--help"}, {"version", "-h"}} {
		r := call(t, nil, args...)
		if r.status != exitOK || r.stderr != "" || !strings.Contains(r.stdout, "fapilog pipe") || !strings.Contains(r.stdout, "Example:") {
			t.Errorf("%q: status %d, output\n%s%s", args, r.status, r.stdout, r.stderr)
		}
	}
}

func TestGeneralHelpNamesEveryCommandAndEachHasHelp(t *testing.T) {
	general := call(t, nil, "help").stdout
	for _, name := range commandNames() {
		if !regexp.MustCompile(`(?m)^  ` + name + ` +\S`).MatchString(general) {
			t.Errorf("%s is not in\n%s", name, general)
		}
	}
	for topic := range topics() {
		r := call(t, nil, append([]string{"help"}, strings.Fields(topic)...)...)
		if r.status != exitOK || !strings.Contains(r.stdout, "\nExample:\n  ") || !strings.Contains(r.stdout, "fapilog "+topic) {
			t.Errorf("the help of %s is\n%s%s", topic, r.stdout, r.stderr)
		}
		if strings.Contains(r.stdout, "%!") {
			t.Errorf("the help of %s is not formatted: %s", topic, r.stdout)
		}
		for l := range strings.Lines(r.stdout) {
			if len(l) > 90 && !strings.HasPrefix(l, "  fapilog ") {
				t.Errorf("%s: a line of %d characters: %s", topic, len(l), l)
			}
		}
	}
}

func TestHelpOfRunNamesEveryFlag(t *testing.T) {
	r := call(t, nil, "help", "run")
	for _, name := range newRunFlags().names() {
		if !strings.Contains(r.stdout, "\n  --"+name) {
			t.Errorf("no --%s in\n%s", name, r.stdout)
		}
	}
}

func TestHelpOfPipeNamesEveryFlag(t *testing.T) {
	r := call(t, nil, "pipe", "-h")
	fs := newPipeFlags()
	for _, name := range fs.names() {
		if !regexp.MustCompile(`(?m)^  --` + name + `( |$)`).MatchString(r.stdout) {
			t.Errorf("no --%s in\n%s", name, r.stdout)
		}
	}
}

func TestHelpShowsTheDefaultOfDrain(t *testing.T) {
	f := newPipeFlags().Lookup("drain")
	if want := "(default " + f.DefValue + ")"; !strings.Contains(f.Usage, want) {
		t.Errorf("no %q in %q", want, f.Usage)
	}
}

func TestWrongCommandLineIsStatus2AndNamesWhatWasMeant(t *testing.T) {
	for name, c := range map[string]struct {
		args []string
		want string
	}{
		"no command":                {nil, "Usage: fapilog COMMAND"},
		"an unknown command":        {[]string{"pip"}, `unknown command "pip" (did you mean "pipe"?)`},
		"a command as a flag":       {[]string{"--check"}, `unknown command "--check" (did you mean "check"?)`},
		"a command like no other":   {[]string{"transmogrify"}, `unknown command "transmogrify"` + "\n"},
		"an unknown flag":           {[]string{"pipe", "--drian=5s"}, `unknown flag "--drian" (did you mean "--drain"?)`},
		"a flag like no other":      {[]string{"pipe", "-x"}, `unknown flag "--x"` + "\n"},
		"a flag without its dashes": {[]string{"pipe", "drain", "5s"}, `unexpected argument "drain" (did you mean "--drain"?)`},
		"a stray argument":          {[]string{"pipe", "app.log"}, `unexpected argument "app.log"`},
		"a flag without a value":    {[]string{"pipe", "--drain"}, "needs an argument: -drain"},
		"a duration without unit":   {[]string{"pipe", "--drain", "5"}, `invalid value "5" for flag -drain: unit missing`},
		"a negative duration":       {[]string{"pipe", "--grace=-1s"}, `invalid value "-1s" for flag -grace: want a duration`},
		"a URI as a duration":       {[]string{"pipe", "--drain", "http://u:" + canary + "@h"}, `invalid value "http://***:***@h" for flag -drain`},
		"a URI behind a flag's =":   {[]string{"pipe", "--grace=http://u:" + canary + "@h"}, `invalid value "http://***:***@h" for flag -grace`},
		"a URI as a flag":           {[]string{"pipe", "--http://u:" + canary + "@h"}, `unknown flag "--http://***:***@h"`},
		"version with an argument":  {[]string{"version", "1"}, `unexpected argument "1"`},
		"help for what is not":      {[]string{"help", "pipes"}, `unknown command "pipes" (did you mean "pipe"?)`},
		"help for two":              {[]string{"help", "pipe", "help"}, `unexpected argument "help"`},
		"a URI as an argument":      {[]string{"pipe", "loki://user:" + canary + "@h"}, `unexpected argument "loki://***:***@h"`},
		"a URI as a command":        {[]string{"loki://user:" + canary + "@h"}, `unknown command "loki://***:***@h"`},
		"a URI as a topic":          {[]string{"help", "loki://user:" + canary + "@h"}, `unknown command "loki://***:***@h"`},
		"a URI as a second topic":   {[]string{"help", "pipe", "loki://user:" + canary + "@h"}, `unexpected argument "loki://***:***@h"`},
	} {
		t.Run(name, func(t *testing.T) {
			r := call(t, nil, c.args...)
			if r.status != exitUsage || r.stdout != "" || !strings.Contains(r.stderr, c.want) {
				t.Errorf("status %d, standard output %q, standard error\n%s\nwant 2, nothing, and %q", r.status, r.stdout, r.stderr, c.want)
			}
			if leaks(r.stderr) {
				t.Errorf("a secret in\n%s", r.stderr)
			}
		})
	}
}

// canary is a secret that no output may hold.
const canary = "c4n4ry-5ecret"

// leaks reports whether an output holds the canary.
func leaks(outputs ...string) bool {
	for _, o := range outputs {
		if strings.Contains(o, canary) {
			return true
		}
	}
	return false
}

func TestScanFindsAPlantedSecret(t *testing.T) {
	if !leaks("a", "user:"+canary+"@host") || leaks("a", "b") {
		t.Error("the scan does not tell whether there is a secret")
	}
}

func TestWrongConfigurationIsStatus2AndCreatesNothing(t *testing.T) {
	for name, c := range map[string]struct {
		vars map[string]string // DIR stands for the directory
		want []string
	}{
		"all mistakes at once": {
			map[string]string{
				"FAPILOG_SINKS":   "file:DIR/a/a.log,filee://user:" + canary + "@h/DIR/b.log,file:DIR/c.log?levle=info",
				"FAPILOG_TIMEOUT": "soon",
			},
			[]string{"sink 2", `did you mean "file"?`, "sink 3", `did you mean "level"?`, "FAPILOG_TIMEOUT"},
		},
		"only empty items":           {map[string]string{"FAPILOG_SINKS": " , ,"}, []string{"FAPILOG_SINKS"}},
		"a URI as a journal":         {map[string]string{"FAPILOG_JOURNAL": "file:DIR/journal?fsync=100ms"}, []string{"FAPILOG_JOURNAL"}},
		"an unset variable":          {map[string]string{"FAPILOG_SINKS": "file:DIR/a.log,file:${CLI_TEST_UNSET}"}, []string{"sink 2", "CLI_TEST_UNSET"}},
		"a secret in the host":       {map[string]string{"FAPILOG_SINKS": "file://u:" + canary + "/x@h/a.log"}, []string{"sink 1"}},
		"a foreign host":             {map[string]string{"FAPILOG_SINKS": "file:DIR/a.log,file://elsewhere/a.log"}, []string{"sink 2"}},
		"a file without a path":      {map[string]string{"FAPILOG_SINKS": "file:DIR/a.log,file:"}, []string{"sink 2"}},
		"a directory as a file":      {map[string]string{"FAPILOG_SINKS": "file:DIR/a.log,file:DIR"}, []string{"sink 2"}},
		"a directory that is a file": {map[string]string{"FAPILOG_SINKS": "file:DIR/a.log,file:/dev/null/a.log"}, []string{"sink 2"}},
		"a URI as a fallback":        {map[string]string{"FAPILOG_FALLBACK": "http://u:" + canary + "@h"}, []string{`"http://***:***@h"`}},
		"a URI as a level":           {map[string]string{"FAPILOG_LEVEL": "http://u:" + canary + "@h"}, []string{`FAPILOG_LEVEL is "http://***:***@h"`}},
		"a misspelt variable":        {map[string]string{"FAPILOG_SINK": "file:DIR/a.log"}, []string{"FAPILOG_SINKS"}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for name, value := range c.vars {
				c.vars[name] = strings.ReplaceAll(value, "DIR", filepath.ToSlash(dir))
			}
			r := call(t, c.vars, "pipe")
			if r.status != exitUsage || r.stdout != "" {
				t.Errorf("status %d, standard output %q; want 2 and nothing", r.status, r.stdout)
			}
			for _, want := range c.want {
				if !strings.Contains(r.stderr, want) {
					t.Errorf("no %q in\n%s", want, r.stderr)
				}
			}
			if leaks(r.stdout, r.stderr) {
				t.Errorf("a secret in\n%s", r.stderr)
			}
			if left, _ := filepath.Glob(filepath.Join(dir, "*")); left != nil {
				t.Errorf("created %q", left)
			}
		})
	}
}

func TestVersionIsThatOfTheModule(t *testing.T) {
	for _, alias := range []string{"-version", "--version"} {
		if r, want := call(t, nil, alias), call(t, nil, "version"); r.status != exitOK || r.stdout != want.stdout {
			t.Errorf("%s: status %d, %q", alias, r.status, r.stdout)
		}
	}
	if r := call(t, nil, "version"); r.status != exitOK || !strings.HasPrefix(r.stdout, "fapilog ") {
		t.Errorf("status %d, output %q", r.status, r.stdout)
	}
	other := debug.Module{Path: "example.org/other", Version: "v9.9.9"}
	ours := debug.Module{Path: module, Version: "v1.2.3"}
	for name, c := range map[string]struct {
		info *debug.BuildInfo
		want string
	}{
		"as the main module":      {&debug.BuildInfo{Main: ours, Deps: []*debug.Module{&other}}, "v1.2.3"},
		"as another's dependency": {&debug.BuildInfo{Main: other, Deps: []*debug.Module{&other, &ours}}, "v1.2.3"},
		"without a version":       {&debug.BuildInfo{Main: debug.Module{Path: module}}, "(devel)"},
		"without any information": {nil, "(devel)"},
	} {
		if got := moduleVersion(c.info); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func TestGraceOfTheCommandLineGoesBeforeThatOfTheEnvironment(t *testing.T) {
	for name, c := range map[string]struct {
		args []string
		env  time.Duration
		want limits
	}{
		"neither":      {nil, 0, limits{time.Minute, 10 * time.Second}},
		"environment":  {nil, 3 * time.Second, limits{time.Minute, 3 * time.Second}},
		"command line": {[]string{"--grace", "5s", "--drain=2d"}, 3 * time.Second, limits{48 * time.Hour, 5 * time.Second}},
		"zeros":        {[]string{"-grace=0", "-drain=0"}, 3 * time.Second, limits{0, 0}},
		"no waiting":   {nil, -1, limits{time.Minute, 0}},
	} {
		f := newPipeFlags()
		if _, err := f.parse(c.args); err != nil {
			t.Fatal(err)
		}
		if got := f.limits(forPipe(fapilog.Config{Grace: c.env})); got != c.want {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
}

func TestWhatTheUserSaysGoesBeforeWhatPipePrefers(t *testing.T) {
	var said fapilog.Config
	said.Level, said.Grace = slog.LevelWarn, time.Second
	said.Defaults.OnFull, said.Defaults.BlockTimeout = fapilog.DropOldest, time.Second
	if got := forPipe(said); !reflect.DeepEqual(got, said) {
		t.Errorf("%+v became %+v", said, got)
	}
}
