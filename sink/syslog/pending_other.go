//go:build !unix

package syslog

import "net"

// pendingError returns nothing: what the system has to say about a datagram is found
// when the next one is sent.
func pendingError(net.Conn) error { return nil }
