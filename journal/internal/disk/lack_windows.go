package disk

import "syscall"

// See winerror.h: ERROR_HANDLE_DISK_FULL, ERROR_DISK_FULL, ERROR_DISK_QUOTA_EXCEEDED;
// ERROR_TOO_MANY_OPEN_FILES, ERROR_NOT_ENOUGH_MEMORY, ERROR_NO_SYSTEM_RESOURCES.
var (
	noSpace = []syscall.Errno{39, 112, 1295}
	starved = []syscall.Errno{4, 8, 1450}
)
