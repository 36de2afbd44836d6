package syslog_test

import (
	"bufio"
	"io"
	"net"
	"strconv"
	"strings"
	"testing"

	"github.com/fapilog/fapilog/sink"
	"github.com/fapilog/fapilog/sink/sinktest"
	"github.com/fapilog/fapilog/sink/syslog"
)

// Syslog over TCP has no answers: what they are about is left out.
func TestSinkConforms(t *testing.T) {
	sinktest.Run(t, sinktest.Target{
		New: func(tb testing.TB, dial sinktest.Dial) sink.Sink {
			s, err := syslog.New(syslog.Config{Host: "logs.example", MaxMessage: 2 << 20, Dial: dial})
			if err != nil {
				tb.Fatal(err)
			}
			return s
		},
		Server: func(l net.Listener, store *sinktest.Store) {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				go receive(c, store)
			}
		},
		Want: func(r sink.Record) sinktest.Stored { return sinktest.Stored{Text: string(r.JSON)} },
	})
}

// receive reads messages with octet counting (RFC 6587, section 3.4.1) to the end of the
// connection.
func receive(c net.Conn, store *sinktest.Store) {
	defer c.Close()
	for in := bufio.NewReader(c); ; {
		length, err := in.ReadString(' ')
		if err != nil {
			return
		}
		n, err := strconv.Atoi(strings.TrimSuffix(length, " "))
		if err != nil {
			return
		}
		message := make([]byte, n)
		if _, err := io.ReadFull(in, message); err != nil {
			return
		}
		_, object, _ := strings.Cut(string(message), "{")
		store.Add(sinktest.Stored{Text: "{" + object})
	}
}
