package main

import "syscall"

// voluntarySwitches returns how often threads of this process have given up their
// processor to wait: ru_nvcsw of getrusage(2).
func voluntarySwitches() (int64, error) {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0, err
	}
	return u.Nvcsw, nil
}
