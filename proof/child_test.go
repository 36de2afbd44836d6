//go:build unix

package proof

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/fapilog/fapilog"
	"github.com/fapilog/fapilog/encode"
	"github.com/fapilog/fapilog/journal"
)

// worker is a child: a process that logs and is then ended, one way or another.
type worker struct {
	plan     plan
	parent   *os.File // the pipe for messages
	pipeline *fapilog.Pipeline
	baseline int64         // anonymous memory before New
	appended atomic.Uint64 // by all producers
	fragile  atomic.Bool   // what is accepted now may not survive: the child itself has taken the disk away
	health   chan kind     // degraded and restored, as they come
	stop     atomic.Bool   // the parent has sent stopSignal
}

// child does what the plan says and ends the process.
func child(text string) {
	w := &worker{parent: os.NewFile(3, "parent"), health: make(chan kind, 1000)}
	syscall.CloseOnExec(3)
	if err := json.Unmarshal([]byte(text), &w.plan); err != nil {
		fail(err)
	}
	w.open()
	if w.plan.Starve {
		go w.starve()
	}
	w.stopOnSignal()
	var producers sync.WaitGroup
	for i := range w.plan.Producers {
		producers.Go(func() { w.produce(i) })
	}
	producers.Wait()
	if w.plan.End != closes && !w.stop.Load() {
		select {} // another goroutine or the parent ends the process
	}
	w.close()
}

// stopSignal asks a child to close its pipeline.
const stopSignal = syscall.SIGUSR1

// stopOnSignal has the producers end with the record they are at.
func (w *worker) stopOnSignal() {
	c := make(chan os.Signal, 1)
	signal.Notify(c, stopSignal)
	go func() {
		<-c
		w.stop.Store(true)
	}()
}

// fail ends a child that cannot do its part. Nothing it proves for has gone wrong.
func fail(err error) {
	fmt.Fprintln(os.Stderr, "proof:", err)
	os.Exit(90)
}

func (w *worker) tell(k kind, who uint32, value uint64) {
	if _, err := w.parent.Write(message{k, who, value}.bytes()); err != nil {
		os.Exit(91) // the parent is gone
	}
}

func (w *worker) open() {
	p := w.plan
	cfg := fapilog.Config{
		Journal:     journal.Config{Dir: p.Dir, SegmentBytes: p.SegmentBytes, MaxBytes: p.MaxBytes},
		MaxRecord:   4 << 10,
		Redact:      encode.Redact{Off: true},
		Diagnostics: slog.New(slog.NewTextHandler(os.Stderr, nil)),
		OnEvent:     w.event,
		Grace:       5 * time.Minute, // a bound for what has gone wrong: nobody waits for it otherwise
	}
	for i, s := range p.Sinks {
		k, err := openKeeper(w, i, s)
		if err != nil {
			fail(err)
		}
		cfg.Routes = append(cfg.Routes, fapilog.Route{Name: s.Name, Sink: k, Delivery: w.delivery(s)})
	}
	for i, uri := range p.Files {
		cfg.Routes = append(cfg.Routes, fapilog.Route{Name: fmt.Sprint("file", i), URI: uri, Delivery: w.delivery(sinkPlan{})})
	}
	runtime.GC()
	w.baseline = anonymous()
	start := time.Now()
	var err error
	if w.pipeline, err = fapilog.New(context.Background(), cfg); err != nil {
		fail(err)
	}
	w.tell(opened, 0, uint64(time.Since(start)))
	w.tellMemory()
}

func (w *worker) delivery(s sinkPlan) fapilog.Delivery {
	d := fapilog.Delivery{
		BatchRecords: w.plan.BatchRecords,
		Linger:       -1,
		Timeout:      10 * time.Second,
		RetryBase:    time.Millisecond,
		RetryMax:     20 * time.Millisecond,
	}
	d.Breaker.Off = true
	if w.plan.Block {
		d.OnFull, d.BlockTimeout = fapilog.Block, fapilog.Forever
	}
	if s.Mode == posts {
		d.BatchBytes = 64 << 20 // more than the system's buffers take at once
	}
	return d
}

func (w *worker) event(e fapilog.Event) {
	k := degraded
	switch e.Kind {
	case fapilog.EventDegraded:
	case fapilog.EventFailed:
		w.tell(failed, 0, 0)
		return
	case fapilog.EventRestored:
		k = restored
	default:
		return
	}
	w.tell(k, 0, uint64(time.Now().UnixNano()))
	select {
	case w.health <- k:
	default: // only starve waits for it, and it keeps up
	}
}

// produce logs as one producer and tells of what was accepted.
func (w *worker) produce(goroutine int) {
	var scratch []byte
	p := producerOf(w.plan.Run, goroutine)
	if w.plan.Large {
		p |= large
	}
	handler := w.pipeline.Handler()
	for n := uint64(0); (w.plan.Records == 0 || n < w.plan.Records) && !w.stop.Load(); n++ {
		var r slog.Record
		r, scratch = p.record(n, scratch)
		if w.plan.Early {
			w.tell(accepted, uint32(p), n+1)
			runtime.Gosched()
		}
		if err := handler.Handle(context.Background(), r); err != nil {
			fail(fmt.Errorf("record %d of %d was not accepted: %w", n, p, err))
		}
		if !w.fragile.Load() && !w.plan.Quiet {
			w.tell(accepted, uint32(p), n+1)
		}
		switch total := w.appended.Add(1); {
		case total == w.plan.After:
			w.end()
		case total%(1<<16) == 0:
			w.tellMemory()
		}
		if w.plan.Pause > 0 {
			time.Sleep(w.plan.Pause)
		}
	}
}

// end ends the process from inside.
func (w *worker) end() {
	w.tellMemory()
	switch w.plan.End {
	case kills:
		_ = syscall.Kill(syscall.Getpid(), syscall.SIGKILL)
		select {}
	case exits:
		os.Exit(3)
	case fatal:
		log.Fatal("the end")
	case panics:
		go func() { panic("the end") }()
	}
}

// close ends the process in order. Its last word is the ledger.
func (w *worker) close() {
	err := w.pipeline.Close(context.Background())
	if err != nil {
		fmt.Fprintln(os.Stderr, "proof:", err)
	}
	w.tellMemory()
	if err := json.NewEncoder(os.Stdout).Encode(w.pipeline.Stats()); err != nil {
		fail(err)
	}
	os.Exit(0)
}

func (w *worker) tellMemory() { w.tell(memory, 0, uint64(max(0, anonymous()-w.baseline))) }

// anonymous returns the process's anonymous memory in bytes, and 0 where the system
// does not tell.
func anonymous() int64 {
	status, _ := os.ReadFile("/proc/self/status")
	for line := range slices.Values(splitLines(status)) {
		var kilobytes int64
		if _, err := fmt.Sscanf(line, "RssAnon: %d kB", &kilobytes); err == nil {
			return kilobytes << 10
		}
	}
	return 0
}

// starve leaves the process no file descriptors until the journal has gone on in
// memory, gives them back, and begins again when the journal is back on disk. What is
// accepted meanwhile is not to survive before that, so it is not told of.
func (w *worker) starve() {
	var all syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &all); err != nil {
		fail(err)
	}
	for {
		w.fragile.Store(true)
		none := syscall.Rlimit{Cur: 0, Max: all.Max}
		if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &none); err != nil {
			fail(err)
		}
		<-w.health
		if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &all); err != nil {
			fail(err)
		}
		<-w.health
		w.fragile.Store(false)
		time.Sleep(5 * time.Millisecond)
	}
}

// shutFile is what shuts a gated sink.
func shutFile(out, name string) string { return filepath.Join(out, name+".shut") }
