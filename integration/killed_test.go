package integration

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http/httptest"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fapilog/fapilog"
	"github.com/fapilog/fapilog/admin"
	"github.com/fapilog/fapilog/breaker"
	"github.com/fapilog/fapilog/journal"
)

// window is the size of a batch in these tests. One batch is under way at a time, so a
// kill of the server or of the sender may have that many records twice, and no more.
const window = 200

// hasty is a delivery that finds out soon that a server is back.
func hasty() fapilog.Delivery {
	return fapilog.Delivery{
		BatchRecords: window, Linger: 5 * time.Millisecond, Timeout: 5 * time.Second,
		RetryBase: 20 * time.Millisecond, RetryMax: 200 * time.Millisecond,
		Breaker: breaker.Config{Failures: 3, Recovery: 300 * time.Millisecond},
		OnFull:  fapilog.Block, BlockTimeout: fapilog.Forever,
	}
}

// killable are the servers without rsyslog over UDP, where nobody knows what has arrived, and
// without moto, which keeps nothing.
// Over TCP and TLS rsyslog confirms each batch by the end of its connection.
func killable() map[string]func(t *testing.T) server {
	all := servers()
	for name, start := range all {
		switch name {
		case rsyslogUDP, moto:
			delete(all, name)
		case rsyslogTCP, rsyslogTLS:
			all[name] = func(t *testing.T) server {
				s := start(t)
				s.(*rsyslogServer).confirm = true
				return s
			}
		}
	}
	return all
}

// checkKilled checks what a server has that was killed so many times, besides as many
// kills of what sends. rsyslog confirms a connection by its end, and an end is also what
// the system makes of a process that is killed when it has read everything and written
// nothing: that batch is lost.
func (l load) checkKilled(t *testing.T, s server, n, servers, senders int) {
	t.Helper()
	got := s.seen(t, l.start)
	if lost := l.compare(got, n).lost; s.limits().unanswered && len(lost) > 0 && len(lost) <= servers*window {
		t.Logf("of %d records %d are lost that rsyslog had read when it was killed", n, len(lost))
		for _, i := range lost {
			got = append(got, l.want(i))
		}
		f := l.compare(got, n)
		if f.doubled > (servers+senders)*(window+1) || f.strange > 0 {
			t.Errorf("%+v", f)
		}
		return
	}
	l.check(t, got, n, (servers+senders)*(window+1))
}

// transitions waits until the metrics tell that the sink's circuit has changed so,
// that many times.
func transitions(t *testing.T, p *fapilog.Pipeline, from, to breaker.State, times int) {
	t.Helper()
	series := fmt.Sprintf(`fapilog_breaker_transitions_total{sink="server",from="%v",to="%v"} `, from, to)
	within(t, series, func() error {
		page := httptest.NewRecorder()
		admin.Handler(p).ServeHTTP(page, httptest.NewRequest("GET", "/metrics", nil))
		for line := range strings.Lines(page.Body.String()) {
			if value, ok := strings.CutPrefix(line, series); ok {
				got, err := strconv.Atoi(strings.TrimSpace(value))
				if err == nil && got < times {
					err = fmt.Errorf("%d, want %d or more", got, times)
				}
				return err
			}
		}
		return errors.New("there is none")
	})
}

// paced logs records at some 50,000 a second, so that there is time to kill something.
func (l load) paced(p *fapilog.Pipeline, first, end int, done func(n int)) error {
	for n := first; n < end; n++ {
		if err := l.log(p.Handler(), n); err != nil {
			return err
		}
		done(n)
		if n%50 == 49 {
			time.Sleep(time.Millisecond)
		}
	}
	return nil
}

func TestNothingIsLostWhenAServerIsKilledAndStartedAgain(t *testing.T) {
	const kills = 2
	for name, start := range killable() {
		t.Run(name, func(t *testing.T) {
			s, n := start(t), records(t)
			s.up(t)
			p := toServer(t, s.uri(), hasty())
			l := load{start: time.Now(), size: s.limits().record}
			for k := range kills + 1 {
				first, end := k*n/(kills+1), (k+1)*n/(kills+1)
				logged := make(chan error, 1)
				go func() { logged <- l.paced(p, first, end, func(int) {}) }()
				if k < kills {
					delivered(t, p, uint64(first+(end-first)/3))
					s.kill()
					transitions(t, p, breaker.Closed, breaker.Open, k+1)
					s.up(t)
					transitions(t, p, breaker.HalfOpen, breaker.Closed, k+1)
				}
				if err := <-logged; err != nil {
					t.Fatal(err)
				}
			}
			flush(t, p)
			l.checkKilled(t, s, n, kills, 0)
		})
	}
}

// delivered waits until the sink has delivered that many records.
func delivered(t *testing.T, p *fapilog.Pipeline, n uint64) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); p.Stats().Sinks[0].Delivered < n; {
		if time.Now().After(deadline) {
			t.Fatalf("%d records are not delivered within 20 s: %+v", n, p.Stats())
		}
		time.Sleep(100 * time.Microsecond)
	}
}

// send is the program of roleSender. Its arguments are the sink's URI, the journal's
// directory, the start of the load and the size of its large records, and the numbers of the
// first record and the one after the last. It prints the number of each record whose call has
// returned, and in the end, when all are delivered, the ledger on standard error.
func send() int {
	var numbers [4]int64
	for i, text := range os.Args[3:7] {
		numbers[i], _ = strconv.ParseInt(text, 10, 64)
	}
	err := func() error {
		p, err := fapilog.New(context.Background(), fapilog.Config{
			Routes:  []fapilog.Route{{Name: "server", URI: os.Args[1], Delivery: hasty()}},
			Journal: journal.Config{Dir: os.Args[2]},
		})
		if err != nil {
			return err
		}
		l := load{start: time.Unix(0, numbers[0]), size: int(numbers[1])}
		if err := l.paced(p, int(numbers[2]), int(numbers[3]), func(n int) { fmt.Println(n) }); err != nil {
			return err
		}
		ctx, cancel := context.WithTimeout(context.Background(), 50*time.Second)
		defer cancel()
		return errors.Join(p.Flush(ctx), p.Close(ctx), json.NewEncoder(os.Stderr).Encode(p.Stats()))
	}()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// sender is a process that runs send.
type sender struct {
	cmd    *exec.Cmd
	acked  atomic.Int64  // the last record whose call has returned
	read   chan struct{} // closed when all that it has printed was read
	stderr log
}

func startSender(t *testing.T, uri, dir string, l load, first, end int) *sender {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	s := &sender{read: make(chan struct{})}
	s.acked.Store(int64(first - 1))
	s.cmd = exec.Command(self, uri, dir, fmt.Sprint(l.start.UnixNano()), fmt.Sprint(l.size), fmt.Sprint(first), fmt.Sprint(end))
	s.cmd.Env = append(os.Environ(), role+"="+roleSender)
	s.cmd.Stderr = &s.stderr
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go s.follow(out)
	t.Cleanup(func() {
		_ = s.cmd.Process.Kill() // it has ended unless the test has failed
		noSecret(t, string(s.stderr.tail(1<<20)))
		if t.Failed() {
			t.Logf("the sender of %d to %d has said\n%s", first, end, s.stderr.tail(4<<10))
		}
	})
	return s
}

// follow notes the last number that was printed to its end.
func (s *sender) follow(out io.Reader) {
	defer close(s.read)
	var part string
	for buffer := make([]byte, 32<<10); ; {
		n, err := out.Read(buffer)
		part += string(buffer[:n])
		if end := strings.LastIndexByte(part, '\n'); end >= 0 {
			lines := strings.TrimSuffix(part[:end], "\n")
			last, _ := strconv.ParseInt(lines[strings.LastIndexByte(lines, '\n')+1:], 10, 64)
			s.acked.Store(last)
			part = part[end+1:]
		}
		if err != nil {
			return
		}
	}
}

// until waits until a record's call has returned.
func (s *sender) until(t *testing.T, n int) {
	t.Helper()
	within(t, fmt.Sprintf("record %d is accepted", n), func() error {
		if got := s.acked.Load(); got < int64(n) {
			return fmt.Errorf("the last one is %d", got)
		}
		return nil
	})
}

// kill kills it, and returns the number of the first record that was not acknowledged.
func (s *sender) kill() int {
	_ = s.cmd.Process.Kill() // fails if it has ended
	<-s.read
	_ = s.cmd.Wait()
	return int(s.acked.Load()) + 1
}

func TestNothingIsLostWhenSenderAndServerAreKilled(t *testing.T) {
	for name, start := range killable() {
		t.Run(name, func(t *testing.T) {
			s, n, dir := start(t), records(t), t.TempDir()
			l := load{start: time.Now(), size: s.limits().record}
			begin := func(first int) *sender { return startSender(t, s.uri(), dir, l, first, n) }
			s.up(t)

			a := begin(0)
			a.until(t, n/5)
			s.kill()
			a.until(t, 2*n/5) // in the journal, as there is no server
			next := a.kill()

			b := begin(next)
			b.until(t, 3*n/5)
			next = b.kill()

			s.up(t)
			c := begin(next)
			c.until(t, 4*n/5)
			next = c.kill()

			d := begin(next)
			<-d.read
			if err := d.cmd.Wait(); err != nil {
				t.Fatalf("the last sender: %v", err)
			}
			lines := strings.Split(strings.TrimSpace(string(d.stderr.tail(64<<10))), "\n")
			var stats fapilog.Stats
			if err := json.Unmarshal([]byte(lines[len(lines)-1]), &stats); err != nil {
				t.Fatal(err)
			}
			// A frame that a kill cut short is corrupt: nobody was told that it was accepted.
			row := stats.Sinks[0]
			corrupt := row.Dropped[fapilog.DroppedCorrupt]
			if row.Delivered+corrupt != row.Appended || corrupt > 3 || row.LostBefore > corrupt || row.Pending != 0 {
				t.Errorf("the last ledger is %+v", stats)
			}
			l.checkKilled(t, s, n, 1, 3)
		})
	}
}
