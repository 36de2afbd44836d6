package archive

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// locks are the files that somebody has locked with flock(2), as /proc/locks
// names them: device and inode.
//
// To try the lock would be simpler, but whoever has it, if only for a moment and
// shared, makes a process that starts in that moment take a dead life for one in
// use: its records would wait for the process after. A look at /proc/locks
// disturbs nobody. It does not show the locks of processes that this one cannot
// see (pid_namespaces(7)).
type locks map[string]bool

// heldLocks returns the locks that are held now.
func heldLocks() (locks, error) {
	text, err := os.ReadFile("/proc/locks")
	if err != nil {
		return nil, err
	}
	held := make(locks)
	for line := range bytes.Lines(text) {
		// 1: FLOCK  ADVISORY  WRITE 12754 fe:00:9977887 0 EOF, and with -> behind
		// the number a process that waits for it (proc_locks(5)).
		if f := strings.Fields(string(line)); len(f) > 5 && f[1] == "FLOCK" {
			held[f[5]] = true
		}
	}
	return held, nil
}

// has reports whether the file is locked.
func (l locks) has(path string) bool {
	if len(l) == 0 {
		return false
	}
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return false
	}
	defer f.Close()
	name, err := nameOf(f)
	return err == nil && l[name]
}

// nameOf returns what /proc/locks calls f. It is not always what stat(2) says:
// overlayfs and btrfs show other devices there than the file system's own.
func nameOf(f *os.File) (string, error) {
	info, err := os.ReadFile(filepath.Join("/proc/self/fdinfo", strconv.Itoa(int(f.Fd()))))
	if err != nil {
		return "", err
	}
	var mount, inode string
	for line := range strings.Lines(string(info)) {
		switch key, value, _ := strings.Cut(line, ":"); key {
		case "mnt_id":
			mount = strings.TrimSpace(value)
		case "ino": // since Linux 5.14
			inode = strings.TrimSpace(value)
		}
	}
	if inode == "" {
		stat, err := f.Stat()
		if err != nil {
			return "", err
		}
		inode = strconv.FormatUint(stat.Sys().(*syscall.Stat_t).Ino, 10)
	}
	device, err := deviceOf(mount)
	return device + ":" + inode, err
}

// deviceOf returns the device of the mount with this id.
func deviceOf(mount string) (string, error) {
	f, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return "", err
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		// 36 35 98:0 /mnt1 /mnt2 rw,noatime … (proc_pid_mountinfo(5))
		fields := strings.Fields(s.Text())
		if len(fields) < 3 || fields[0] != mount {
			continue
		}
		var major, minor int
		if _, err := fmt.Sscanf(fields[2], "%d:%d", &major, &minor); err != nil {
			return "", err
		}
		return fmt.Sprintf("%02x:%02x", major, minor), nil
	}
	return "", errors.New("no such mount")
}
