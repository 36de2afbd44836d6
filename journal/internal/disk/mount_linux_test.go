package disk

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
)

// tmpfs mounts one of 1 MiB and returns where.
func tmpfs(t *testing.T) string {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("NOT TESTED: mounting takes root")
	}
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=1m,mode=0700"); err != nil {
		t.Skipf("NOT TESTED: cannot mount: %v", err)
	}
	// Registered after that of TempDir, so it runs before it.
	t.Cleanup(func() { must(t, syscall.Unmount(dir, syscall.MNT_DETACH)) })
	return dir
}

func TestAllocateOnAFullFileSystemIsAnErrorUntilThereIsSpace(t *testing.T) {
	dir := tmpfs(t)
	must(t, OS().OpenRoot(dir))
	hog := create(t, filepath.Join(dir, "hog"))
	must(t, hog.Allocate(768<<10))
	f := create(t, filepath.Join(dir, "f"))
	if err := f.Allocate(512 << 10); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("got %v", err)
	}
	must(t, hog.Truncate(0))
	must(t, f.Allocate(512<<10))
}

func TestAllocatedBytesCanBeWrittenThoughTheFileSystemIsFull(t *testing.T) {
	dir := tmpfs(t)
	_, m := fresh(t, dir, 64)
	fill(t, dir)
	must(t, m.Populate())
	must(t, Guard(func() {
		for i := range m.Bytes() {
			m.Bytes()[i] = 1
		}
	}, m))
}

func TestBytesWithoutBlocksFaultWhenTheFileSystemIsFull(t *testing.T) {
	for name, populate := range populates {
		dir := tmpfs(t)
		f, m := fresh(t, dir, 64)
		must(t, f.Truncate(0))
		must(t, f.Truncate(64*int64(os.Getpagesize())))
		fill(t, dir)
		if err := populate(m); err == nil {
			t.Errorf("%s: populated pages for which there is no space", name)
		}
		if err := Guard(func() { clear(m.Bytes()) }, m); err == nil {
			t.Errorf("%s: wrote pages for which there is no space", name)
		}
	}
}

func TestWriteFileOnAFullFileSystemKeepsTheOldFile(t *testing.T) {
	dir := tmpfs(t)
	path := filepath.Join(dir, "f")
	must(t, OS().WriteFile(path, []byte("old")))
	fill(t, dir)
	if err := OS().WriteFile(path, make([]byte, 64<<10)); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("got %v", err)
	}
	if got, _ := os.ReadFile(path); string(got) != "old" {
		t.Errorf("now it has %d bytes", len(got))
	}
	if _, err := OS().Lstat(path + TempSuffix); err == nil {
		t.Error("left its temporary file")
	}
}

func TestReadOnlyFileSystemIsAnErrorButNotUnfit(t *testing.T) {
	dir := tmpfs(t)
	must(t, syscall.Mount("tmpfs", dir, "tmpfs", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""))
	if err := OS().OpenRoot(filepath.Join(dir, "d")); !errors.Is(err, syscall.EROFS) || errors.Is(err, ErrUnfit) {
		t.Errorf("OpenRoot: %v", err)
	}
	if _, err := OS().Create(filepath.Join(dir, "f")); !errors.Is(err, syscall.EROFS) {
		t.Errorf("Create: %v", err)
	}
}

// Not every kernel interrupts; see piece.
func TestAllocateGetsThereThoughSignalsInterruptIt(t *testing.T) {
	dir := tmpfs(t)
	must(t, syscall.Mount("tmpfs", dir, "tmpfs", syscall.MS_REMOUNT, "size=64m"))
	f := create(t, filepath.Join(dir, "f"))
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	thread := uintptr(syscall.Gettid())
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-stop:
				return
			default:
				// SIGURG is what the runtime preempts with.
				syscall.Syscall(syscall.SYS_TGKILL, uintptr(os.Getpid()), thread, uintptr(syscall.SIGURG))
			}
			for range 100_000 { // some 100 µs
			}
		}
	}()
	for range 10 {
		must(t, f.Truncate(0))
		must(t, f.Allocate(48<<20))
	}
	close(stop)
	<-done
}

// fill leaves no space.
func fill(t *testing.T, dir string) {
	t.Helper()
	f := create(t, filepath.Join(dir, "hog"))
	for off := int64(0); ; off += 4096 {
		_, err := f.WriteAt(make([]byte, 4096), off)
		if errors.Is(err, syscall.ENOSPC) {
			return
		}
		must(t, err)
	}
}
