package cloudwatch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/fapilog/fapilog/sink"
	"github.com/fapilog/fapilog/sink/cloudwatch/cwtest"
	"github.com/fapilog/fapilog/sink/sinktest/pipe"
)

// TestMain has no test see the settings of the machine, or ask its metadata service.
func TestMain(m *testing.M) {
	for _, v := range os.Environ() {
		if name, _, _ := strings.Cut(v, "="); strings.HasPrefix(name, "AWS_") || strings.HasSuffix(strings.ToUpper(name), "_PROXY") {
			os.Unsetenv(name)
		}
	}
	os.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	os.Setenv("AWS_CONFIG_FILE", os.DevNull)
	os.Setenv("AWS_SHARED_CREDENTIALS_FILE", os.DevNull)
	os.Exit(m.Run())
}

// network is a server that can be reached over connections in memory.
type network struct {
	*cwtest.Server
	listener *pipe.Listener
	down     bool
	dials    int
	conns    []*pipe.Conn // the clients' ends
}

func serve(t testing.TB, server *cwtest.Server) *network {
	n := &network{Server: server, listener: pipe.Listen()}
	web := &http.Server{Handler: server, ErrorLog: log.New(io.Discard, "", 0)}
	go web.Serve(n.listener)
	t.Cleanup(func() { web.Close() })
	return n
}

func (n *network) dial(ctx context.Context, network, address string) (net.Conn, error) {
	n.dials++
	if n.down {
		return nil, &net.OpError{Op: "dial", Net: network, Err: syscall.ECONNREFUSED}
	}
	c, err := n.listener.Dial(ctx, network, address)
	if conn, ok := c.(*pipe.Conn); ok {
		n.conns = append(n.conns, conn)
	}
	return c, err
}

// config returns settings for this server.
func (n *network) config(change func(*Config)) Config {
	c := Config{
		Group: "app", Stream: "web", Region: cwtest.Region, Endpoint: "http://logs.example", Create: true, Dial: n.dial,
		Credentials: credentials.NewStaticCredentialsProvider(cwtest.AccessKey, cwtest.SecretKey, ""),
	}
	if change != nil {
		change(&c)
	}
	return c
}

func (n *network) open(t testing.TB, change func(*Config)) sink.Sink {
	t.Helper()
	s, err := New(n.config(change))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// inBubble runs a test of a server and a sink whose stream exists, in a synctest bubble.
func inBubble(t *testing.T, server *cwtest.Server, change func(*Config), test func(t *testing.T, n *network, s sink.Sink)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		n := serve(t, server)
		server.Create("app", "web")
		test(t, n, n.open(t, change))
	})
}

// records returns records of these texts, of now.
func records(texts ...string) []sink.Record {
	batch := make([]sink.Record, len(texts))
	for i, text := range texts {
		batch[i] = sink.Record{ID: sink.ID{Seq: uint64(i)}, Time: time.Now(), JSON: []byte(text)}
	}
	return batch
}

// numbered returns n records.
func numbered(n int) []sink.Record {
	texts := make([]string, n)
	for i := range texts {
		texts[i] = fmt.Sprintf(`{"n":%d}`, i)
	}
	return records(texts...)
}

func write(s sink.Sink, batch []sink.Record) error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	return s.Write(ctx, batch)
}

// outcomeOf returns what err means to a pipeline.
func outcomeOf(err error) string {
	var e *sink.Error
	switch {
	case err == nil:
		return "delivered"
	case errors.As(err, &e) && len(e.Items) > 0:
		return fmt.Sprintf("%d items", len(e.Items))
	case errors.As(err, &e):
		return e.Verdict.String()
	}
	return "retry"
}

// itemsOf returns what err says of single records.
func itemsOf(t *testing.T, err error) (items []string) {
	t.Helper()
	var e *sink.Error
	if !errors.As(err, &e) || len(e.Items) == 0 {
		t.Fatalf("%v names no records", err)
	}
	for _, item := range e.Items {
		items = append(items, fmt.Sprintf("%d %s", item.Index, item.Verdict))
	}
	return items
}

// texts returns what the stream has.
func (n *network) texts() (texts []string) {
	for _, e := range n.Events("app", "web") {
		texts = append(texts, e.Message)
	}
	return texts
}

// operations returns the requests so far by name.
func (n *network) operations() (names []string) {
	for _, r := range n.Requests() {
		names = append(names, r.Operation)
	}
	return names
}
