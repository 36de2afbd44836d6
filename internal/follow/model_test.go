package follow

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func shuffle[T any](s []T) { rand.Shuffle(len(s), func(i, j int) { s[i], s[j] = s[j], s[i] }) }

// model is a writer that does what writers and rotators do, and knows what must come.
type model struct {
	*rig
	random  *rand.Rand
	next    int
	rotated int
	open    *os.File // a writer that keeps the file it has opened; nil: none
	want    map[int]bool
	fragile bool // what was not read is lost with what is removed
}

func (m *model) line() string {
	m.next++
	m.want[m.next] = true
	return fmt.Sprintf("%d\n", m.next)
}

// act does one thing at random, between two steps or not.
func (m *model) act() {
	switch m.random.IntN(14) {
	case 0, 1, 2, 3:
		m.write("a.log", m.line())
	case 4:
		l := m.line()
		m.write("a.log", l[:1])
		if m.random.IntN(2) == 0 {
			m.step()
		}
		m.write("a.log", l[1:])
	case 5:
		if _, err := os.Stat(m.path("a.log")); err == nil {
			m.rotated++
			m.rename("a.log", fmt.Sprintf("a.log.%d", m.rotated))
		}
	case 6: // what was read before may be truncated
		m.step()
		m.secure()
		m.later(time.Minute)
		if _, err := os.Stat(m.path("a.log")); err == nil {
			m.rotated++
			m.copy("a.log", fmt.Sprintf("a.log.%d", m.rotated))
			m.truncate("a.log")
		}
		m.step()
	case 7: // of what is removed nothing is written after it has been finished
		m.leave()
		m.secure()
		_ = os.Remove(m.path("a.log"))
	case 12: // the same of what a link leads away from
		if m.fragile {
			return // a link that is renamed while nobody follows leads to a file that nobody finds
		}
		m.leave()
		m.secure()
		m.rotated++
		to := fmt.Sprintf("target%d", m.rotated)
		m.write(to, m.line())
		if err := os.Symlink(to, m.path("link")); err != nil {
			m.t.Fatal(err)
		}
		m.rename("link", "a.log")
		m.step()
	case 13: // a line that was torn is cut off again
		m.write("a.log", m.line())
		m.write("a.log", "torn")
		if m.random.IntN(2) == 0 {
			m.step()
		}
		m.cutOff("a.log", 4)
	case 8:
		if m.open != nil {
			fmt.Fprint(m.open, m.line())
		}
	case 9:
		m.reopen()
	case 10:
		m.step()
	case 11:
		m.later(time.Duration(m.random.IntN(3)) * settling)
	}
}

// secure makes it safe to remove files: they are open, or read as well.
func (m *model) secure() {
	m.f.look(m.now)
	if m.fragile {
		m.later(time.Minute)
		m.later(time.Minute)
		m.f.save(m.now)
	}
}

// leave has the writer that keeps its file write once more, and close it.
func (m *model) leave() {
	if m.open != nil {
		fmt.Fprint(m.open, m.line())
		_ = m.open.Close()
		m.open = nil
	}
}

// reopen has the writer that keeps its file look what the path names.
func (m *model) reopen() {
	if m.open != nil {
		_ = m.open.Close()
	}
	var err error
	if m.open, err = os.OpenFile(m.path("a.log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600); err != nil {
		m.t.Fatal(err)
	}
}

func TestEveryLineComesOnceWhateverWritersDo(t *testing.T) {
	needLinux(t)
	for range 60 {
		seed := rand.Uint64()
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			m := &model{rig: newRig(t), random: rand.New(rand.NewPCG(seed, 0)), want: make(map[int]bool)}
			m.begin(true, Config{}, "a.log")
			for range 60 {
				m.act()
			}
			for n, times := range m.came() {
				if times != 1 {
					t.Errorf("line %d came %d times", n, times)
				}
			}
			if t.Failed() {
				t.Errorf("told %q; %v", m.told, m.lines)
			}
		})
	}
}

func TestEveryLineComesWheneverFollowingIsKilled(t *testing.T) {
	needLinux(t)
	for range 25 {
		seed := rand.Uint64()
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			m := &model{rig: newRig(t), random: rand.New(rand.NewPCG(seed, 0)), want: make(map[int]bool)}
			m.fragile = true
			m.again(true, "a.log")
			m.f.save(m.now) // as Run does
			for range 10 {
				for range m.random.IntN(12) {
					m.act()
				}
				if m.random.IntN(2) == 0 {
					m.stop()
				} else {
					m.killed()
				}
				for range m.random.IntN(4) { // meanwhile
					m.write("a.log", m.line())
					if m.random.IntN(2) == 0 {
						m.rotated++
						m.rename("a.log", fmt.Sprintf("a.log.%d", m.rotated))
					}
				}
				m.again(true, "a.log")
			}
			for n, times := range m.came() {
				if times == 0 {
					t.Errorf("line %d is lost", n)
				}
			}
			if t.Failed() {
				t.Errorf("told %q; %v", m.told, m.lines)
			}
		})
	}
}

// came ends following and returns how often each line has come that was written.
func (m *model) came() map[int]int {
	m.later(time.Minute)
	m.later(10 * time.Minute)
	m.later(10 * time.Minute)
	m.stop()
	if m.open != nil {
		_ = m.open.Close()
	}
	got := make(map[int]int)
	for n := range m.want {
		got[n] = 0
	}
	for _, l := range m.lines {
		var n int
		if _, err := fmt.Sscanf(strings.TrimPrefix(l, "a.log:"), "%d", &n); err != nil || !m.want[n] {
			m.t.Errorf("torn: %q", l)
		}
		got[n]++
	}
	return got
}

func TestRunFollowsUntilItsContextEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		c := Config{Patterns: []string{r.path("a.log")}, Lines: func(string) Lines { return &splitter{rig: r, name: "a.log"} }}
		r.f = newFollower(c, nil) // a watch waits outside the bubble
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- r.f.Run(ctx) }()
		time.Sleep(10 * time.Second)
		r.write("a.log", "1\n")
		time.Sleep(time.Second + slowest + time.Millisecond)
		synctest.Wait()
		r.want("1")
		r.rename("a.log", "a.log.1")
		r.write("a.log", "2\n")
		time.Sleep(time.Hour)
		synctest.Wait()
		r.want("1", "2")
		r.write("a.log", "3\n")
		time.Sleep(slowest + time.Millisecond)
		synctest.Wait()
		r.want("1", "2", "3")
		r.write("a.log", "4\n")
		cancel()
		if err := r.f.Finish(t.Context(), <-ended); err != nil {
			t.Error(err)
		}
		r.want("1", "2", "3", "4")
	})
}

func TestBlockedLineDoesNotKeepRotatedFilesFromBeingOpened(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		free := make(chan struct{})
		c := Config{Patterns: []string{r.path("a.log")}, Lines: func(string) Lines { return blocking{&splitter{rig: r, name: "a.log"}, free} }}
		r.f = newFollower(c, nil)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- r.f.Run(ctx) }()
		time.Sleep(time.Second)
		var want []string
		for i := range 10 { // each is removed soon
			r.write("a.log", fmt.Sprintln(i))
			want = append(want, fmt.Sprintf("a.log:%d", i))
			time.Sleep(2 * time.Second)
			r.remove("a.log")
		}
		close(free)
		time.Sleep(time.Hour)
		cancel()
		if err := r.f.Finish(t.Context(), <-ended); err != nil {
			t.Error(err)
		}
		if !slices.Equal(r.lines, want) {
			t.Errorf("%q", r.lines)
		}
	})
}

// blocking is Lines that wait.
type blocking struct {
	*splitter
	free chan struct{}
}

func (b blocking) Write(piece []byte) error {
	<-b.free
	return b.splitter.Write(piece)
}
