package disk

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"testing"
)

// limited runs in a process of its own, since the limit cannot be lifted again.
func limited() {
	const limit = 1 << 20
	f, err := OS().Create(os.Getenv(path))
	if err == nil {
		err = syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: limit, Max: limit})
	}
	if err != nil {
		fmt.Println(err)
		return
	}
	_, write := f.WriteAt([]byte("x"), limit)
	for _, err := range []error{f.Allocate(2 * limit), f.Truncate(2 * limit), write} {
		if !errors.Is(err, syscall.EFBIG) {
			fmt.Printf("not EFBIG: %v\n", err)
			return
		}
	}
	fmt.Println("contained")
}

func TestFileSizeLimitIsAnError(t *testing.T) {
	t.Setenv(path, t.TempDir()+"/f")
	c, err := start("limit", nil)
	must(t, err)
	if err := c.Wait(); err != nil || c.Args[0] != "contained\n" {
		t.Errorf("the child says %q and ends with %v", c.Args[0], err)
	}
}
