package integration

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// rsyslogServer is an rsyslog that writes what it receives to a file. It has no
// queue: what receives a message writes it.
type rsyslogServer struct {
	process
	transport string
	address   string
	cert      string // with tls
	file      string
	confirm   bool // the sink has each batch confirmed by the connection's end
	counted   int  // lines that lines has counted
	offset    int64
}

const rsyslogConf = `
global(workDirectory="%[1]s" maxMessageSize="256k" parser.escapeControlCharactersOnReceive="off" %[5]s)
module(load="%[2]s")
template(name="json" type="list" option.jsonf="on") {
	property(outname="time" name="timereported" dateFormat="rfc3339" format="jsonf")
	property(outname="severity" name="syslogseverity" format="jsonf")
	property(outname="facility" name="syslogfacility" format="jsonf")
	property(outname="app" name="app-name" format="jsonf")
	property(outname="structured" name="structured-data" format="jsonf")
	property(outname="message" name="msg" format="jsonf")
}
ruleset(name="write" queue.type="Direct") { action(type="omfile" file="%[4]s" template="json" asyncWriting="off") }
input(type="%[6]s" address="127.0.0.1" port="%[3]s" ruleset="write" %[7]s)
`

func newRsyslog(t *testing.T, transport string) *rsyslogServer {
	t.Helper()
	path, dir := program(t, "rsyslogd"), t.TempDir()
	s := &rsyslogServer{transport: transport, address: freeAddress(t), file: filepath.Join(dir, "out.jsonl")}
	module, input, global, more := `imtcp" maxFrameSize="262144`, "imtcp", "", ""
	switch transport {
	case "udp":
		module, input, more = "imudp", "imudp", `rcvbufSize="4m"`
	case "tls":
		if found, _ := filepath.Glob("/usr/lib/*/rsyslog/lmnsd_ossl.so"); len(found) == 0 {
			t.Skip("NOT TESTED: rsyslog-openssl is missing; get it with integration/servers install")
		}
		var key string
		s.cert, key = certificate(t)
		global = fmt.Sprintf("defaultNetstreamDriverCAFile=%[1]q defaultNetstreamDriverCertFile=%[1]q defaultNetstreamDriverKeyFile=%[2]q", s.cert, key)
		more = `streamDriver.name="ossl" streamDriver.mode="1" streamDriver.authMode="anon"`
	}
	conf := write(t, dir, "rsyslog.conf", fmt.Sprintf(rsyslogConf, dir, module, port(s.address), s.file, global, input, more))
	s.process = process{name: path, args: []string{"-n", "-f", conf, "-i", filepath.Join(dir, "pid")}, dir: dir}
	return s
}

func (s *rsyslogServer) up(t *testing.T) {
	t.Helper()
	_ = os.Remove(filepath.Join(s.dir, "pid")) // of one that was killed
	s.start(t)
	within(t, "rsyslog is ready", func() error {
		if s.transport == "udp" {
			return listening(s.address)
		}
		c, err := net.DialTimeout("tcp", s.address, time.Second)
		if err == nil {
			c.Close()
		}
		return err
	})
}

// lines returns how many lines the file has.
func (s *rsyslogServer) lines() (int, error) {
	f, err := os.Open(s.file)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	more, err := io.ReadAll(io.NewSectionReader(f, s.offset, 1<<40))
	s.offset += int64(len(more))
	s.counted += bytes.Count(more, []byte("\n"))
	return s.counted, err
}

// catchUp waits until the server has written that many messages.
func (s *rsyslogServer) catchUp(t *testing.T, n int) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(200 * time.Microsecond) {
		got, err := s.lines()
		if err == nil && got >= n+probes {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("rsyslog has not written %d messages within 20 s, but %d: %v", n, got-probes, err)
		}
	}
}

// probes is how many messages listening has sent before the first record.
const probes = 2

// listening reports an error if nobody receives datagrams at the address: the system
// refuses them then.
func listening(address string) error {
	c, err := net.Dial("udp", address)
	if err != nil {
		return err
	}
	defer c.Close()
	for range probes { // the refusal of the first is told to the second
		if _, err := c.Write([]byte("<14>1 - - ready - - - -")); err != nil {
			return err
		}
		time.Sleep(20 * time.Millisecond) // the refusal comes on its own
	}
	return nil
}

func (s *rsyslogServer) uri() string {
	uri := "syslog://" + s.address + "?app-name=integration&facility=local3&fields=n&max-message=" +
		fmt.Sprint(s.limits().record+1<<10) + "&transport=" + s.transport
	if s.cert != "" {
		uri += "&ca-file=" + s.cert
	}
	if s.confirm {
		uri += "&confirm=close"
	}
	return uri
}

// limits are below rsyslog's and the network's own: what stands around a record
// needs room. A datagram has 65,507 bytes at most.
func (s *rsyslogServer) limits() limits {
	if s.transport == "udp" {
		return limits{record: 60 << 10, burst: 20}
	}
	return limits{record: 200 << 10, unanswered: true}
}

func (s *rsyslogServer) seen(t *testing.T, _ time.Time) (all []record) {
	t.Helper()
	text, err := os.ReadFile(s.file)
	if err != nil {
		t.Fatal(err)
	}
	for line := range bytes.Lines(text) {
		var m struct {
			Time                                         time.Time
			Severity, Facility, App, Structured, Message string
		}
		// What was being written when the server was killed has no end, and the next
		// line stands behind it.
		begin := bytes.LastIndex(line, []byte(`{"time":`))
		if err := json.Unmarshal(line[max(begin, 0):], &m); err != nil {
			t.Logf("a line of %d bytes breaks off: %v", len(line), err)
			continue
		}
		if m.App == "ready" {
			continue
		}
		r, err := parse([]byte(m.Message))
		if err != nil {
			t.Fatal(err)
		}
		structured := fmt.Sprintf(`[fields@32473 n="%d"]`, r.N)
		if m.Severity != "6" || m.Facility != "19" || m.App != "integration" || m.Structured != structured || m.Time.UnixNano() != r.Time/1000*1000 {
			t.Fatalf("the message of record %d has the header %s %s %s %s %v", r.N, m.Severity, m.Facility, m.App, m.Structured, m.Time)
		}
		all = append(all, r)
	}
	return all
}
