package proof

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"unsafe"
)

// needsNamespaces skips a test that starts processes in namespaces of their own.
func needsNamespaces(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("SKIPPED: namespaces need root; this is not proven here")
	}
}

// isolate has the run start in new namespaces.
func (r *ran) isolate(flags uintptr) {
	r.t.Helper()
	r.cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: flags}
	if err := r.cmd.Start(); err != nil {
		r.t.Skipf("SKIPPED: no namespaces here; this is not proven here: %v", err)
	}
	r.wait()
}

// bears is a script that mounts the /proc of its namespace, leaves a hundred processes
// behind and waits until no process, and no zombie, is left of them.
const bears = `
mount --make-rprivate / && mount -t proc proc /proc || exit 90
i=0; while [ $i -lt 100 ]; do (sleep 0.01 >/dev/null 2>&1 &); i=$((i+1)); done
while grep -q '^Name:[[:space:]]*sleep' /proc/[0-9]*/status 2>/dev/null; do :; done
echo process $PPID, $(cat /proc/[0-9]*/status 2>/dev/null | grep -c '^State:[[:space:]]*Z') zombies
`

func TestRunAsTheFirstProcessCollectsOrphans(t *testing.T) {
	needsNamespaces(t)
	for end, want := range map[string]int{"kill -TERM $$": 143, "(sh -c 'exit 9' &); exit 3": 3} {
		r := newRun(t, []string{toConsole}, "--", "sh", "-c", bears+end)
		r.isolate(syscall.CLONE_NEWPID | syscall.CLONE_NEWNS)
		r.wantStatus(want)
		if got := r.said(); got != "stdout:process 1, 0 zombies\n" {
			t.Errorf("%s: it said %q", end, got)
		}
	}
}

func TestRunAsTheFirstProcessForwardsSignals(t *testing.T) {
	needsNamespaces(t)
	r := newRun(t, []string{toConsole}, "--", "sh", "-c", `trap 'kill $!; echo has it; exit 14' TERM; `+waits)
	r.cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID | syscall.CLONE_NEWNS}
	hear := r.startHeard()
	hear()
	r.signal(syscall.SIGTERM)
	if got := hear(); got != "has it" {
		t.Errorf("it said %q", got)
	}
	hear()
	r.wait()
	r.wantStatus(14)
}

// readOnlyVariable makes the test binary a program that starts another one with every
// file system read-only.
const readOnlyVariable = "PROOF_READ_ONLY"

func init() {
	if os.Getenv(readOnlyVariable) != "" {
		_ = os.Unsetenv(readOnlyVariable)
		os.Stderr.WriteString(execReadOnly(os.Args[1:]).Error() + "\n")
		os.Exit(90)
	}
}

// execReadOnly returns only if it fails. It is to be in a mount namespace of its own.
func execReadOnly(args []string) error {
	if err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
		return os.NewSyscallError("mount", err)
	}
	const (
		mountSetattr = 442 // on every architecture but alpha
		cwd          = ^uintptr(99)
		recursive    = 0x8000
	)
	attr := struct{ set, clear, propagation, namespace uint64 }{set: syscall.MS_RDONLY}
	root := []byte("/\x00")
	_, _, errno := syscall.Syscall6(mountSetattr, cwd, uintptr(unsafe.Pointer(&root[0])), recursive, uintptr(unsafe.Pointer(&attr)), unsafe.Sizeof(attr), 0)
	if errno != 0 {
		return os.NewSyscallError("mount_setattr", errno)
	}
	return os.NewSyscallError("execve", syscall.Exec(args[0], args, os.Environ()))
}

// readOnly has a run start with every file system read-only.
func (r *ran) readOnly() {
	r.t.Helper()
	needsNamespaces(r.t)
	self, err := exec.LookPath(os.Args[0])
	if err != nil {
		r.t.Fatal(err)
	}
	r.cmd.Args = append([]string{self}, r.cmd.Args...)
	r.cmd.Path = self
	r.cmd.Env = append(r.cmd.Env, readOnlyVariable+"=1")
	r.isolate(syscall.CLONE_NEWNS)
	if strings.Contains(r.stderr.String(), "mount_setattr") {
		r.t.Skipf("SKIPPED: file systems cannot be made read-only here; this is not proven here: %s", r.stderr.String())
	}
}

func TestRunWorksOnAReadOnlyRoot(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	r := newRun(t, []string{toConsole}, "--", "sh", "-c", `touch "$0" && echo written; echo said; exit 5`, file)
	r.readOnly()
	if got := r.cmd.ProcessState.ExitCode(); got != 5 {
		t.Errorf("%v\n%s", r.cmd.ProcessState, r.stderr.String())
	}
	said := r.said()
	if !strings.Contains(said, "stdout:said\n") || !strings.Contains(said, "Read-only file system") || strings.Contains(said, "written") {
		t.Errorf("it said %q", said)
	}
	if s := r.ledger(); s.Offered != 2 || !s.Complete() {
		t.Errorf("the ledger is %+v", s)
	}
}

func TestRunOnAReadOnlyRootTellsThatItsJournalIsInMemory(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "journal")
	r := newRun(t, []string{toConsole, "FAPILOG_JOURNAL=" + dir}, "--strict", "--", "echo", "said")
	r.readOnly()
	r.wantStatus(0)
	if got := r.said(); got != "stdout:said\n" {
		t.Errorf("it said %q", got)
	}
	if s := r.ledger(); s.Journal == nil || s.Journal.OnDisk || !strings.Contains(r.stderr.String(), "level=ERROR") {
		t.Errorf("nothing tells of it: %s", r.stderr.String())
	}
}
