package proof

import (
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
	"unsafe"
)

// trouble is something that happens to a disk and ends again.
type trouble struct {
	t    *testing.T
	dir  string // the journal's
	hurt func(c *process)
	heal func(c *process)
	plan func(p *plan) // nil: nothing to change

	destroys bool // records' bytes are destroyed
	atOnce   bool // it is there before the process starts
}

// endure has a child log through the trouble, and kills it when the journal is back
// on disk. Then everything that was accepted must be there, at two sinks of which one
// took nothing while the trouble lasted.
func (tr *trouble) endure() {
	t := tr.t
	t.Helper()
	c := newChain(t, random(t))
	c.dir = tr.dir
	c.oracle.holes = tr.destroys
	p := c.plan(good, gated)
	p.Producers, p.Pause, p.SegmentBytes, p.MaxBytes = 2, 10*time.Millisecond, 16<<10, 128<<20
	if tr.plan != nil {
		tr.plan(&p)
	}
	if tr.atOnce {
		tr.hurt(nil)
	}
	run := start(t, "", p)
	if !tr.atOnce {
		run.awaitDelivered(1, 100)
		shut := shutFile(c.out, "b")
		if err := os.WriteFile(shut, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		run.awaitAccepted(20)
		tr.hurt(run)
	}
	run.await("go on in memory", func() bool { return run.count[degraded] > 0 })
	run.awaitDelivered(0, 50) // the other sink has what comes now

	healed := time.Now()
	tr.heal(run)
	run.await("be back on disk", func() bool { return run.count[restored] > 0 })
	_, back := run.told(restored)
	t.Logf("back on disk after %v", time.Unix(0, int64(back)).Sub(healed).Round(time.Millisecond))
	run.awaitAccepted(100)
	if n, _ := run.told(degraded); n != 1 {
		t.Errorf("the journal told %d times that it is in memory, want once", n)
	}
	run.kill()
	c.oracle.ended(run)
	_ = os.Remove(shutFile(c.out, "b"))
	c.last()
	c.check()
}

func (tr *trouble) must(err error) {
	tr.t.Helper()
	if err != nil {
		tr.t.Fatal(err)
	}
}

// fill takes all of the file system's space; free gives it back.
func (tr *trouble) fill(*process) {
	f, err := os.Create(tr.filler())
	tr.must(err)
	defer f.Close()
	block := make([]byte, 4096)
	for {
		if _, err := f.Write(block); err != nil {
			return
		}
	}
}

func (tr *trouble) free(*process)  { tr.must(os.Remove(tr.filler())) }
func (tr *trouble) filler() string { return filepath.Join(filepath.Dir(tr.dir), "filler") }

func TestFullTmpfsCostsNothing(t *testing.T) {
	at := mountTmpfs(t, "1m")
	tr := &trouble{t: t, dir: filepath.Join(at, "journal")}
	tr.hurt, tr.heal = tr.fill, tr.free
	tr.endure()
}

func TestFullExt4CostsNothing(t *testing.T) {
	d := newExt4(t)
	d.mount("rw")
	tr := &trouble{t: t, dir: filepath.Join(d.at, "journal")}
	tr.hurt, tr.heal = tr.fill, tr.free
	tr.endure()
}

// The kernel makes a file system read-only when it finds it broken. What it had not
// written by then is not on the disk that is mounted afterwards, so it has to come
// from the process that still has it.
func TestFileSystemThatBreaksCostsNothing(t *testing.T) {
	d := newExt4(t)
	d.mount("rw")
	tr := &trouble{t: t, dir: filepath.Join(d.at, "journal")}
	tr.hurt = func(*process) { run(t, "mount", "-o", "remount,abort", d.at) }
	tr.heal = func(*process) {
		run(t, "umount", "-l", d.at)
		d.mount("rw")
	}
	tr.endure()
}

func TestFileSystemThatIsReadOnlyAtFirstCostsNothing(t *testing.T) {
	d := newExt4(t)
	d.mount("ro")
	tr := &trouble{t: t, dir: filepath.Join(d.at, "journal"), atOnce: true}
	tr.hurt = func(*process) {}
	tr.heal = func(*process) { run(t, "mount", "-o", "remount,rw", d.at) }
	tr.endure()
}

func TestRemovedDirectoryCostsNothing(t *testing.T) {
	tr := &trouble{t: t, dir: filepath.Join(t.TempDir(), "journal")}
	tr.hurt = func(*process) { tr.must(os.RemoveAll(tr.life())) }
	tr.heal = func(*process) {}
	tr.endure()
}

// life returns the directory of the life that the child appends to: there is one.
func (tr *trouble) life() string {
	lives, err := filepath.Glob(filepath.Join(tr.dir, "????????????????????????????????"))
	tr.must(err)
	if len(lives) != 1 {
		tr.t.Fatalf("lives %q, want one", lives)
	}
	return lives[0]
}

func TestFileSizeLimitCostsNothing(t *testing.T) {
	tr := &trouble{t: t, dir: filepath.Join(t.TempDir(), "journal")}
	tr.plan = func(p *plan) {
		// A segment is beyond the limit; the sinks' files are not.
		p.SegmentBytes, p.Large, p.Pause = 1<<20, true, time.Millisecond
	}
	tr.hurt = func(c *process) { tr.must(limitFileSize(c.cmd.Process.Pid, 1<<20)) }
	tr.heal = func(c *process) { tr.must(limitFileSize(c.cmd.Process.Pid, ^uint64(0))) }
	tr.endure()
}

// limitFileSize sets another process's soft limit; see prlimit(2).
func limitFileSize(pid int, most uint64) error {
	l := syscall.Rlimit{Cur: most, Max: ^uint64(0)}
	_, _, errno := syscall.RawSyscall6(syscall.SYS_PRLIMIT64, uintptr(pid), syscall.RLIMIT_FSIZE, uintptr(unsafe.Pointer(&l)), 0, 0, 0)
	if errno != 0 {
		return errno
	}
	return nil
}

// An HTTP client sends records while the segments from which they were read lose
// their memory. A sink that was given that memory would end the process here.
func TestTruncationWhileRequestIsSentCostsOnlyWhatItDestroys(t *testing.T) {
	tr := &trouble{t: t, dir: filepath.Join(t.TempDir(), "journal"), destroys: true}
	s := newSlowServer(t)
	tr.plan = func(p *plan) {
		p.Sinks[0] = sinkPlan{Name: "a", Mode: posts, URL: s.url}
		p.SegmentBytes, p.BatchRecords, p.Large = 1<<20, 100_000, true
		p.Pause = 100 * time.Microsecond
	}
	tr.hurt = func(c *process) {
		// While one request is held up, so many records gather for the next that the
		// system's buffers do not take it whole.
		s.hold.Store(true)
		<-s.held
		c.awaitAccepted(10_000)
		s.release <- struct{}{}
		<-s.held
		segments, err := filepath.Glob(filepath.Join(tr.life(), "*.segment"))
		tr.must(err)
		for _, path := range segments {
			tr.must(os.Truncate(path, 0))
		}
		s.hold.Store(false)
		s.release <- struct{}{}
	}
	tr.heal = func(*process) {}
	tr.endure()
}

// slowServer takes POST requests, and can be told to stop in the middle of one.
type slowServer struct {
	url     string
	hold    atomic.Bool
	held    chan struct{} // a request has begun, and hold is set
	release chan struct{} // it goes on
}

func newSlowServer(t *testing.T) *slowServer {
	s := &slowServer{held: make(chan struct{}), release: make(chan struct{})}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.url = "http://" + l.Addr().String()
	server := &http.Server{Handler: s}
	go server.Serve(l)
	t.Cleanup(func() { _ = server.Close() })
	return s
}

// ServeHTTP implements [http.Handler].
func (s *slowServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	buf := make([]byte, 1024)
	for first := true; ; first = false {
		if _, err := r.Body.Read(buf); err != nil {
			return
		}
		if first && s.hold.Load() {
			s.held <- struct{}{}
			<-s.release
		}
	}
}

func TestErrorsOfSlowFileSystemCostNothing(t *testing.T) {
	for _, errno := range []string{"EIO", "ENOSPC"} {
		t.Run(errno, func(t *testing.T) {
			f := newFuse(t)
			f.set("delay 2ms")
			tr := &trouble{t: t, dir: filepath.Join(f.at, "journal")}
			tr.hurt = func(*process) { f.set("fail " + errno) }
			tr.heal = func(*process) { f.set("fail nothing") }
			tr.endure()
		})
	}
}
