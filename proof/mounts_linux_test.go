package proof

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// needsMounts skips a test that mounts file systems, unless it is asked for and can
// be done.
func needsMounts(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("SKIPPED: mounting file systems needs root; this is not proven here")
	}
	if !asked() {
		t.Skipf("mounts file systems: set %s", scaleVariable)
	}
}

func run(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v: %s", name, strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

// unmount is for the end of a test, when all sorts of things may still be mounted.
func unmount(at string) { _ = exec.Command("umount", "-l", at).Run() }

// mountTmpfs returns where a tmpfs of that size is mounted for the test.
func mountTmpfs(t *testing.T, size string) string {
	t.Helper()
	needsMounts(t)
	at := t.TempDir()
	run(t, "mount", "-t", "tmpfs", "-o", "size="+size+",mode=0700", "tmpfs", at)
	t.Cleanup(func() { unmount(at) })
	return at
}

// ext4 is a small ext4 file system in a file.
type ext4 struct {
	t     *testing.T
	image string
	at    string // where it is mounted
}

func newExt4(t *testing.T) *ext4 {
	t.Helper()
	needsMounts(t)
	if _, err := exec.LookPath("mkfs.ext4"); err != nil {
		t.Skip("SKIPPED: there is no mkfs.ext4; this is not proven here")
	}
	d := &ext4{t: t, image: filepath.Join(t.TempDir(), "image"), at: t.TempDir()}
	run(t, "truncate", "-s", "8M", d.image)
	run(t, "mkfs.ext4", "-q", "-m", "0", d.image)
	return d
}

// mount mounts the file system on a loop device of its own, also where an earlier
// mount of it is still in use.
func (d *ext4) mount(mode string) {
	d.t.Helper()
	device := run(d.t, "losetup", "--find", "--show", d.image)
	run(d.t, "mount", "-t", "ext4", "-o", mode, device, d.at)
	d.t.Cleanup(func() {
		unmount(d.at)
		_ = exec.Command("losetup", "--detach", device).Run()
	})
}

// fuse is a directory behind the FUSE server in faultfs.
type fuse struct {
	t       *testing.T
	at      string
	control net.Conn
}

func newFuse(t *testing.T) *fuse {
	t.Helper()
	needsMounts(t)
	if _, err := os.Stat("/dev/fuse"); err != nil {
		t.Skip("SKIPPED: there is no /dev/fuse; this is not proven here")
	}
	binary := filepath.Join(t.TempDir(), "faultfs")
	build := exec.Command("go", "build", "-o", binary, ".")
	build.Dir = "faultfs"
	if out, err := build.CombinedOutput(); err != nil {
		t.Skipf("SKIPPED: faultfs cannot be built; this is not proven here: %v\n%s", err, out)
	}
	f := &fuse{t: t, at: t.TempDir()}
	socket := filepath.Join(t.TempDir(), "control")
	server := exec.Command(binary, t.TempDir(), f.at, socket)
	out, err := server.StdoutPipe()
	if err == nil {
		err = server.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		unmount(f.at)
		_ = server.Process.Kill()
		_ = server.Wait()
	})
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || line != "ready\n" {
		t.Fatalf("faultfs says %q, %v", line, err)
	}
	if f.control, err = net.Dial("unix", socket); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.control.Close() })
	return f
}

// set tells the server what to do from now on; see its documentation.
func (f *fuse) set(command string) {
	f.t.Helper()
	if _, err := fmt.Fprintln(f.control, command); err != nil {
		f.t.Fatal(err)
	}
	if line, err := bufio.NewReader(f.control).ReadString('\n'); err != nil || line != "ok\n" {
		f.t.Fatalf("faultfs answers %q, %v", line, err)
	}
}
