package file

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// Another program appends whole lines, in one write each and without the lock. While it
// is at one, the file ends in the middle of it.
func TestWholeLinesOfAProgramWithoutTheLockStay(t *testing.T) {
	for name, format := range map[string]string{"records": `{"outside":%d,"pad":"%s"}`, "texts": "outside %d %s"} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "app.jsonl")
			s := open(t, path)
			if err := s.Write(t.Context(), records(0, 1)); err != nil {
				t.Fatal(err)
			}
			const outside = 60
			pad := strings.Repeat("x", 500<<10)
			done := make(chan struct{})
			go func() {
				defer close(done)
				for n := range outside {
					appendTo(t, path, fmt.Sprintf(format+"\n", n, pad))
				}
			}()
			own := 1
			for over := false; !over; own++ {
				select {
				case <-done:
					over = true
				default:
				}
				if err := s.Write(t.Context(), records(own, own+1)); err != nil {
					t.Fatal(err)
				}
			}
			wantOwn, wantOutside, strange := 0, 0, 0
			for line := range strings.Lines(read(t, path)) {
				switch line {
				case text(wantOwn, wantOwn+1):
					wantOwn++
				case fmt.Sprintf(format+"\n", wantOutside, pad):
					wantOutside++
				default:
					strange++
				}
			}
			if wantOwn != own || wantOutside != outside || strange > 0 {
				t.Errorf("%d of %d own lines, %d of %d others, %d that nobody has written", wantOwn, own, wantOutside, outside, strange)
			}
		})
	}
}

// Whoever may write to the file may wait for the writes of others.
func TestWaitingForTheWritesOfOthersChangesNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.jsonl")
	if err := os.WriteFile(path, []byte("x\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o666); err != nil {
		t.Fatal(err)
	}
	before, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := awaitWrites(f); err != nil {
		t.Fatal(err)
	}
	after, err := os.Stat(path)
	if err != nil || after.Mode() != before.Mode() || after.Size() != before.Size() || !after.ModTime().Equal(before.ModTime()) || read(t, path) != "x\n" {
		t.Errorf("%v is %v, %v", before, after, err)
	}
}

func TestWaitingForTheWritesOfOthersEndsWithThem(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.jsonl")
	line := strings.Repeat("x", 16<<20)
	for range 3 {
		f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE|os.O_TRUNC, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan struct{})
		go func() {
			defer close(done)
			appendTo(t, path, line)
		}()
		size := func() int64 {
			info, err := f.Stat()
			if err != nil {
				t.Fatal(err)
			}
			return info.Size()
		}
		for size() == 0 { // until the write has begun
			runtime.Gosched()
		}
		if err := awaitWrites(f); err != nil {
			t.Fatal(err)
		}
		if got := size(); got != int64(len(line)) {
			t.Errorf("it came back at %d bytes of %d", got, len(line))
		}
		<-done
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}
}
