package main

import (
	"bufio"
	"encoding/json"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/fapilog/fapilog"
)

// The image runs as Docker and Kubernetes run it: in a root file system that is
// read-only and has nothing else, as process 1, as a user who is nobody. SIGTERM
// ends it, and every line has been delivered.
func TestTheImageRunsReadOnlyAsProcessOne(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("NOT CHECKED: a mount and a process namespace need root")
	}
	root := image(t)
	if err := os.Chmod(root, 0o755); err != nil {
		t.Fatal(err)
	}
	readOnly(t, root)

	words := entrypoint(t)
	cmd := exec.CommandContext(t.Context(), words[0], words[1:]...)
	cmd.Dir, cmd.Env = "/", []string{strings.ReplaceAll(instructions(t, "ENV")[1], `"`, ""), "ADDR=127.0.0.1:0"}
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Chroot:     root,
		Credential: &syscall.Credential{Uid: 65532, Gid: 65532},
		Cloneflags: syscall.CLONE_NEWPID,
	}
	cmd.WaitDelay = time.Second
	var stderr strings.Builder
	cmd.Stderr = &stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var messages []string
	lines := bufio.NewScanner(stdout)
	for lines.Scan() {
		var record struct {
			Message string `json:"msg"`
		}
		if err := json.Unmarshal(lines.Bytes(), &record); err != nil {
			t.Errorf("%v in %s", err, lines.Text())
		}
		messages = append(messages, record.Message)
		if record.Message == "listening" {
			if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("%v\n%s", err, &stderr)
	}
	if strings.Join(messages, " ") != "listening ended" {
		t.Errorf("it says %q", messages)
	}
	var ledger fapilog.Stats
	if err := json.Unmarshal([]byte(lastLine(stderr.String())), &ledger); err != nil || !ledger.Complete() || ledger.Appended != 2 {
		t.Errorf("%v: the ledger is\n%s", err, &stderr)
	}
}

// readOnly makes dir a read-only file system until the end of the test.
func readOnly(t *testing.T, dir string) {
	t.Helper()
	if err := syscall.Mount(dir, dir, "", syscall.MS_BIND, ""); err != nil {
		t.Skipf("NOT CHECKED: nothing can be mounted here: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	if err := syscall.Mount("", dir, "", syscall.MS_BIND|syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(dir+"/x", nil, 0o600); err == nil {
		t.Fatal("it is not read-only")
	}
}
