package integration

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/fapilog/fapilog"
)

// service is nginx under fapilog run, with its access log on standard output, and a
// client that asks it for /0, /1, /2 and so on.
type service struct {
	t      *testing.T
	disk   string // a small file system; the file is in disk/logs
	page   string // the address of the admin page
	cmd    *exec.Cmd
	ended  chan error
	stdout log
	stderr log

	asked atomic.Int64 // requests that were answered
	stop  chan struct{}
	idle  sync.WaitGroup
}

const nginxConf = `
daemon off;
pid %[1]s/nginx.pid;
error_log stderr notice;
events {}
http {
	log_format json escape=json '{"time":"$time_iso8601","msg":"request","path":"$uri","status":$status}';
	access_log /dev/stdout json;
	client_body_temp_path %[1]s/body; proxy_temp_path %[1]s/proxy; fastcgi_temp_path %[1]s/fastcgi; uwsgi_temp_path %[1]s/uwsgi; scgi_temp_path %[1]s/scgi;
	server { listen %[2]s; location / { return 200 "ok"; } }
}
`

func startService(t *testing.T) *service {
	t.Helper()
	nginx := program(t, "nginx")
	if os.Geteuid() != 0 {
		t.Skip("NOT TESTED: a file system that can be filled needs root")
	}
	s := &service{t: t, disk: t.TempDir(), page: freeAddress(t), ended: make(chan error, 1), stop: make(chan struct{})}
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=4m,mode=0755", "tmpfs", s.disk).CombinedOutput(); err != nil {
		t.Skipf("NOT TESTED: a file system cannot be mounted: %v: %s", err, out)
	}
	t.Cleanup(func() { _ = exec.Command("umount", "-l", s.disk).Run() })

	dir, web := t.TempDir(), freeAddress(t)
	conf := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(conf, fmt.Appendf(nil, nginxConf, dir, web), 0o600); err != nil {
		t.Fatal(err)
	}
	s.cmd = command(t, nil, "run", "--admin", s.page, "--grace", "20s",
		"--sink", "stdout?format=json",
		"--sink", "file://"+s.file()+"?max-size=64KiB&compress=gzip&retry-base=10ms&retry-max=100ms&breaker-recovery=500ms",
		"--", nginx, "-c", conf, "-p", dir)
	s.cmd.Stdout, s.cmd.Stderr = &s.stdout, &s.stderr
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { s.ended <- s.cmd.Wait() }()
	t.Cleanup(func() {
		_ = s.cmd.Process.Kill() // if the test has not come to its end
		if t.Failed() {
			t.Logf("standard error:\n%s", s.stderr.tail(8<<10))
		}
	})
	within(t, "nginx answers", func() error { return fetch("http://"+web+"/start", nil) })
	s.idle.Go(func() { s.ask(web) })
	return s
}

func (s *service) file() string { return filepath.Join(s.disk, "logs", "web.jsonl") }

// ask makes requests until it is told to stop.
func (s *service) ask(web string) {
	for {
		select {
		case <-s.stop:
			return
		default:
		}
		if err := fetch(fmt.Sprintf("http://%s/%d", web, s.asked.Load()), nil); err != nil {
			s.t.Errorf("a request fails: %v", err)
			return
		}
		s.asked.Add(1)
	}
}

// fetch gets a page, which has to be there; into is for its text, or nil.
func fetch(url string, into *string) error {
	client := http.Client{Timeout: 5 * time.Second}
	answer, err := client.Get(url)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s: %s", url, answer.Status, text)
	}
	if into != nil {
		*into = string(text)
	}
	return err
}

// metric returns the value of a series of the admin page.
func (s *service) metric(series string) (float64, error) {
	var text string
	if err := fetch("http://"+s.page+"/metrics", &text); err != nil {
		return 0, err
	}
	for line := range strings.Lines(text) {
		if value, ok := strings.CutPrefix(line, series+" "); ok {
			return strconv.ParseFloat(strings.TrimSpace(value), 64)
		}
	}
	return 0, fmt.Errorf("there is no %s", series)
}

// reaches waits until a series has at least that value.
func (s *service) reaches(series string, least float64) {
	s.t.Helper()
	within(s.t, series, func() error {
		got, err := s.metric(series)
		if err == nil && got < least {
			err = fmt.Errorf("%s is %v, want %v or more", series, got, least)
		}
		return err
	})
}

// health waits until the page says of the file that it is so, while the console is ok
// and the pipeline can go on.
func (s *service) health(status string) {
	s.t.Helper()
	within(s.t, "the file is "+status, func() error {
		var text string
		err := fetch("http://"+s.page+"/healthz", &text)
		if err != nil {
			return err // whatever the sinks do, the process is well
		}
		var health struct {
			Sinks map[string]struct{ Status string }
		}
		if err := json.Unmarshal([]byte(text), &health); err != nil {
			return err
		}
		if got := health.Sinks["file"].Status; got != status || health.Sinks["stdout"].Status != "ok" {
			return fmt.Errorf("health is %s", text)
		}
		all := fetch("http://"+s.page+"/healthz?sinks=all", nil)
		if (all == nil) != (status == "ok") {
			return fmt.Errorf("with all sinks: %v", all)
		}
		return nil
	})
}

const (
	consoleDelivered = `fapilog_records_total{sink="stdout",outcome="delivered",reason=""}`
	fileDelivered    = `fapilog_records_total{sink="file",outcome="delivered",reason=""}`
	fileOpened       = `fapilog_breaker_transitions_total{sink="file",from="closed",to="open"}`
	fileClosed       = `fapilog_breaker_transitions_total{sink="file",from="half-open",to="closed"}`
)

// endure makes the file's disk fail for the nth time, sees to it that the console does
// not notice, heals the disk and waits until the file has caught up.
func (s *service) endure(n float64, hurt, heal func()) {
	s.t.Helper()
	hurt()
	s.reaches(fileOpened, n)
	s.health("degraded")
	before, err := s.metric(consoleDelivered)
	if err != nil {
		s.t.Fatal(err)
	}
	s.reaches(consoleDelivered, before+200)
	heal()
	s.reaches(fileClosed, n)
	s.health("ok")
	console, err := s.metric(consoleDelivered)
	if err != nil {
		s.t.Fatal(err)
	}
	s.reaches(fileDelivered, console)
}

func (s *service) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *service) fill() {
	f, err := os.Create(filepath.Join(s.disk, "filler"))
	s.must(err)
	defer f.Close()
	for block := make([]byte, 4096); err == nil; {
		_, err = f.Write(block)
	}
}

// A day of somebody who operates a web server: the disk is full and has room again,
// the directory of the log is away and back, and the service is stopped.
func TestAWebServerUnderRunLosesNoLineOnABadDay(t *testing.T) {
	s := startService(t)
	s.reaches(fileDelivered, 100)
	s.health("ok")
	s.endure(1, s.fill, func() { s.must(os.Remove(filepath.Join(s.disk, "filler"))) })
	logs, aside := filepath.Dir(s.file()), filepath.Join(s.disk, "aside")
	s.endure(2, func() {
		s.must(os.Rename(logs, aside))
		s.must(os.WriteFile(logs, nil, 0o600)) // so that it cannot be made again
	}, func() {
		s.must(os.Remove(logs))
		s.must(os.Rename(aside, logs))
	})

	close(s.stop)
	s.idle.Wait()
	s.must(s.cmd.Process.Signal(syscall.SIGTERM))
	select {
	case err := <-s.ended:
		if err != nil {
			t.Errorf("run ended with %v; nginx ends with 0", err)
		}
	case <-time.After(30 * time.Second):
		t.Fatal("run does not end")
	}
	s.checkLedger()
	s.checkStory()
	console := s.paths(bytes.NewReader(s.stdout.tail(1 << 30)))
	s.checkPaths("the console", console)
	s.checkPaths("the file", s.filePaths())
}

func (s *service) checkLedger() {
	s.t.Helper()
	lines := strings.Split(strings.TrimSpace(string(s.stderr.tail(64<<10))), "\n")
	var stats fapilog.Stats
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &stats); err != nil {
		s.t.Fatalf("the last line is no ledger: %v", err)
	}
	if !stats.Complete() || len(stats.Sinks) != 2 || stats.Appended < uint64(s.asked.Load()) {
		s.t.Errorf("the ledger is %+v", stats)
	}
	for _, k := range stats.Sinks {
		if k.Delivered != k.Appended || k.Appended != stats.Appended {
			s.t.Errorf("the row is %+v", k)
		}
	}
}

// checkStory checks that the diagnostics tell of the file's circuit, and of it alone,
// in the order in which things happened.
func (s *service) checkStory() {
	s.t.Helper()
	var story []string
	for _, m := range regexp.MustCompile(`msg="sink circuit ([a-z-]+)" sink=(\w+)`).FindAllStringSubmatch(string(s.stderr.tail(1<<20)), -1) {
		if m[2] != "file" {
			s.t.Errorf("the circuit of %s is told to be %s", m[2], m[1])
		}
		story = append(story, m[1])
	}
	var want []string // a trial may fail while the disk is still ill
	for _, now := range story {
		if n := len(want); n == 0 && now != "open" || n > 0 && !follows(want[n-1], now) {
			s.t.Errorf("%s after %q", now, want)
		}
		want = append(want, now)
	}
	if n := count(story, "closed"); n != 2 || story[len(story)-1] != "closed" {
		s.t.Errorf("the story is %q", story)
	}
}

func count(all []string, one string) (n int) {
	for _, s := range all {
		if s == one {
			n++
		}
	}
	return n
}

// follows reports whether a circuit can go from one state to the other.
func follows(from, to string) bool {
	return slices.Contains(map[string][]string{"closed": {"open"}, "open": {"half-open"}, "half-open": {"open", "closed"}}[from], to)
}

// paths returns how often each path was logged.
func (s *service) paths(r io.Reader) map[string]int {
	s.t.Helper()
	all := make(map[string]int)
	for lines := bufio.NewScanner(r); lines.Scan(); {
		var line struct{ Msg, Path string }
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			s.t.Errorf("%v in %q", err, lines.Bytes())
		}
		if line.Msg == "request" {
			all[line.Path]++
		}
	}
	return all
}

// filePaths is paths for the file and those it was rotated to.
func (s *service) filePaths() map[string]int {
	s.t.Helper()
	entries, err := os.ReadDir(filepath.Dir(s.file()))
	s.must(err)
	all := make(map[string]int)
	for _, e := range entries {
		for path, n := range s.paths(open(s.t, filepath.Join(filepath.Dir(s.file()), e.Name()))) {
			all[path] += n
		}
	}
	return all
}

func (s *service) checkPaths(where string, got map[string]int) {
	s.t.Helper()
	for n := range s.asked.Load() {
		if times := got[fmt.Sprintf("/%d", n)]; times != 1 {
			s.t.Errorf("%s has request %d of %d %d times", where, n, s.asked.Load(), times)
			return
		}
	}
	s.t.Logf("%s has each of %d requests once", where, s.asked.Load())
}

// open returns what is in a file, compressed or not.
func open(t *testing.T, path string) io.Reader {
	t.Helper()
	text, err := os.ReadFile(path)
	if err == nil && filepath.Ext(path) == ".gz" {
		var r *gzip.Reader
		if r, err = gzip.NewReader(bytes.NewReader(text)); err == nil {
			text, err = io.ReadAll(r)
		}
	}
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return bytes.NewReader(text)
}
