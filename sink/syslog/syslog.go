// Package syslog is the sink that sends records as syslog messages (RFC 5424). It
// registers the scheme syslog:
//
//	syslog://logs.example.com
//	syslog://logs:6514?transport=tls&ca-file=/etc/ssl/logs.pem&app-name=api&facility=local3
//	syslog://127.0.0.1?transport=udp&fields=request_id,user.id&message=msg
//
// The transport is tcp (RFC 6587), tls (RFC 5425) or udp (RFC 5426). The port is 6514 with
// tls and 514 otherwise. There are neither paths nor user names: a server recognises
// clients by their certificates, or not at all.
//
// # What is sent
//
// Each record is one message:
//
//	<14>1 2023-11-14T22:13:20.000042Z web-1 api 4711 - [fields@32473 request_id="7"] {"time":…}
//
// The priority has the facility and the severity of the record's level, each slog level
// standing for those up to the next:
//
//	level     below 0  0     2       4        8    12        14     16
//	severity  debug    info  notice  warning  err  critical  alert  emergency
//
// The time is the record's own, in UTC, with microseconds, which is all the format has;
// what is finer is cut off. A record without a time has "-": then servers take the time at
// which they receive it. Of hostname, app-name, procid and msgid the characters that are
// not printable ASCII become _, and they are cut at 255, 48, 128 and 32 (RFC 5424, section
// 6.2).
//
// The message is the record's JSON as it is, or with message=msg the text of its msg
// member (of a record without one, the JSON). In such a text and in fields, characters
// that would end a line, command a terminal or reverse the direction of the text are
// written as in JSON: \n, \u001b. A backslash remains one. There is no byte order mark
// before the message, as RFC 5424 asks for UTF-8: servers would keep it as part of the
// text. The message is what the RFC calls MSG-ANY; it is UTF-8 all the same: bytes that are
// not become U+FFFD.
//
// fields are members of the record that become parameters of a structured data element,
// for servers that search by them; a.b is the member b of the group a, or one that is
// named so. Their names are cut at 32 characters, and those that cannot stand in a name
// become _. The element is named by sd-id, a name and an enterprise number joined by @.
// The default has 32473, the number for examples (RFC 5612); take your own if you have
// one: sd-id=app%4099999, as an @ is written in a URI. Fields that a record does not have
// are left out.
//
// # Size
//
// A message has at most max-message bytes: 8 KiB, over UDP 2 KiB. That is what servers are
// to take (RFC 5425, section 4.3.1; RFC 5426, section 3.2); rsyslog cuts at 8 KiB or
// splits there unless it is told otherwise. Of a longer record the message is cut: the
// JSON remains one object, with its time, level and msg, and has truncated and
// original_size as further members. Text, and JSON for which less than 1 KiB is left, is
// cut behind a character and ends in " [truncated from 12345 bytes]". Structured data
// takes at most half of the room; the value that does not fit ends in "...", and those
// after it are left out.
//
// Over UDP what is larger than the network's packets, usually 1472 bytes of content,
// travels in several, and is lost with each of them. max-message=1180 avoids that nearly
// everywhere.
//
// # Delivery
//
// Syslog has no answers. What a server has not read when it ends or its connection breaks
// is lost, and nobody is told. So over TCP and TLS each batch has a connection of its own,
// which the sink ends and then waits until the server has ended it too (confirm=close,
// which is the default). A server does so when it has read everything; one that ends
// before resets the connection, and the batch is sent again on another one. It costs a
// round trip, with TLS a handshake, for each batch. A server that cannot read a batch
// within the timeout needs a smaller one, batch-bytes. What it does with what it has read,
// its queues and files, is its own affair: one that is killed before it has written a
// batch down loses that batch.
//
// Two servers that end before they have read everything are not noticed. On systems other
// than Linux, where the sink asks what the other side has received, one that ends the
// connection in order just when a batch is on its way to it: the batch counts as delivered.
// And on all systems one behind a proxy that ends the sink's connection in order by itself,
// when it has read the batch or has lost the server, as nginx's stream without
// proxy_half_close, stunnel and Docker's proxy for published ports can. What a proxy has read
// is its own affair, like a server's.
//
// confirm=never keeps one connection open, as most senders of syslog do, and a batch
// counts as delivered when the system has taken all of it: some hundred KiB in the buffers
// of both sides are lost with each restart of the server, and all that is sent to a
// machine that has vanished, until that is noticed. What can be known is used: before and
// after each batch the sink looks whether the server has closed the connection. Batches
// are small then, 100 records or 32 KiB: little is in doubt, and the buffers of a new
// connection have room for one, so that a server that is slow gets on. A connection is
// used for max-conn-age, a minute; then the name is looked up again. With confirm=close
// that is done for each batch.
//
// After any error the whole batch is sent again, so messages can be there twice. A message
// is never continued on another connection. A server that still reads from an old one
// receives what stands there between what comes on the new.
//
// Over UDP each message is a datagram, and whether it arrives is not known. Only if the
// system says that nobody listens there is the batch sent again. A burst that a server
// does not read fast enough is lost in its receive buffer. The name is looked up again
// every max-conn-age.
//
// # Verdicts
//
// Every failure to resolve, to connect, to write or to confirm is tried again. With TLS, a
// server whose certificate is not accepted, one that does not accept ours, and certificate
// files that cannot be read park the sink: it tries once a minute. The files are read for
// every connection. A datagram that the system refuses as too long is quarantined.
//
// # Troubleshooting
//
// "connection refused": nothing listens on that port and transport. rsyslog needs
// module(load="imtcp") and input(type="imtcp" port="514"), or imudp.
//
// "certificate signed by unknown authority": give ca-file, the certificate of the
// authority that signed the server's. "certificate is valid for …, not …": give
// server-name, or the right host.
//
// "certificate required", "bad certificate": the server wants a client's certificate,
// cert-file and key-file, of an authority that it trusts. With
// confirm=never, a refusal that comes later than a second after the handshake costs the
// batch that was sent meanwhile.
//
// "first record does not look like a TLS handshake": the server speaks no TLS on that
// port.
//
// Messages begin with a number, or several stand in one line: the server does not know
// octet counting. Give framing=lf.
//
// Nothing arrives over UDP: a firewall, or the server's limit for a message. Try tcp.
//
// JSON stands in the message where text is wanted: message=msg, with fields for the rest.
//
// "has not closed the connection behind the batch", and the same messages again and again:
// the server does not close a connection when the client has, or needs more than the
// timeout for a batch. Give confirm=never, or a smaller batch-bytes.
//
// "cannot assign requested address": more connections in a minute than the system has
// ports. Give a longer linger, or confirm=never.
package syslog

import (
	"context"
	"flag"
	"fmt"
	"net"
	"net/url"

	"github.com/fapilog/fapilog/sink"
)

func init() { sink.Register("syslog", func() sink.Opener { return new(Config) }) }

// The values of Config.Transport.
const (
	TCP = "tcp"
	UDP = "udp"
	TLS = "tls"
)

// The values of Config.Framing, by which a message's end is found in a connection.
const (
	OctetCounting = "octet-counting" // its length stands before it: RFC 6587, section 3.4.1
	LF            = "lf"             // a newline stands behind it: section 3.4.2
)

// The values of Config.Message.
const (
	JSON = "json" // the record's JSON
	Msg  = "msg"  // the text of its msg
)

// The values of Config.Confirm.
const (
	Auto  = "auto"  // Close, over UDP Never
	Close = "close" // a batch is delivered when the server has closed the connection behind it
	Never = "never" // when the system has taken it
)

// Config describes a syslog server and how records become messages. Host is required;
// everything else may be zero.
type Config struct {
	Host      string // a name or an address
	Port      int    // 0: 6514 with TLS, else 514
	Transport string // TCP, UDP or TLS; empty: TCP
	Framing   string // OctetCounting or LF, not over UDP; empty: OctetCounting
	Confirm   string // Auto, Close or Never; empty: Auto

	Facility   string     // a name of RFC 5424, section 6.2.1, such as user or local0, or its number; empty: user
	Hostname   string     // empty: the machine's; "-": none
	AppName    string     // empty: the name of the program; "-": none
	ProcID     string     // empty: the process id; "-": none
	MsgID      string     // the type of the messages; empty or "-": none
	Fields     sink.List  // members of a record that become structured data
	SDID       string     // the id of its element, of use with Fields only; empty: fields@32473
	Message    string     // JSON or Msg; empty: JSON
	MaxMessage sink.Bytes // longest message in bytes, without framing; 0: 8 KiB, over UDP 2 KiB

	// The files are PEM, and read for each connection. If they cannot be read any
	// more, what they last held counts.
	CAFile     string // authorities to trust in place of the system's
	CertFile   string // the client's certificate, with those between it and the authority
	KeyFile    string // its key; empty: in CertFile
	ServerName string // expected in the server's certificate in place of Host, and sent to it
	Insecure   bool   // anybody may be the server

	// MaxConnAge is how long a connection is used, so that a name that has moved to
	// another address is followed; 0: a minute, negative: no limit. It is for those
	// that are kept: over UDP, or with Confirm Never.
	MaxConnAge sink.Duration

	// Dial makes connections in place of a [net.Dialer]; network is tcp or udp.
	// Connections must have working deadlines.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// Flags implements [sink.Opener].
func (c *Config) Flags(fs *flag.FlagSet) {
	if c.MaxConnAge == 0 {
		c.MaxConnAge = defaultMaxConnAge
	}
	if c.Facility == "" {
		c.Facility = defaultFacility
	}
	if c.SDID == "" {
		c.SDID = defaultSDID
	}
	fs.Var(sink.Enum(&c.Transport, TCP, UDP, TLS), "transport", "how messages travel: `tcp|udp|tls`")
	fs.Var(sink.Enum(&c.Framing, OctetCounting, LF), "framing", "how the end of a message is found, over tcp and tls: `octet-counting|lf`")
	fs.Var(sink.Enum(&c.Confirm, Auto, Close, Never), "confirm", "whether each batch has a connection and counts once the server has closed it: `auto|close|never`; auto: not over udp")

	fs.Var((*facility)(&c.Facility), "facility", "`facility`: user, daemon, local0 and so on, or its number")
	fs.StringVar(&c.Hostname, "hostname", c.Hostname, "HOSTNAME; none: the machine's")
	fs.StringVar(&c.AppName, "app-name", c.AppName, "APP-NAME; none: the name of the program")
	fs.StringVar(&c.ProcID, "procid", c.ProcID, "PROCID; none: the process id")
	fs.StringVar(&c.MsgID, "msgid", c.MsgID, "MSGID, the type of the messages")
	fs.Var(&c.Fields, "fields", "`fields` of a record that become structured data: request_id,user.id")
	fs.StringVar(&c.SDID, "sd-id", c.SDID, "`name@number`, in a URI name%40number, of the structured data element they are in")
	fs.Var(sink.Enum(&c.Message, JSON, Msg), "message", "what the message is, the whole record or its msg: `json|msg`")
	fs.Var(&c.MaxMessage, "max-message", "longest message, without framing; longer ones are cut and marked; 0: 8KiB, over udp 2KiB")

	fs.StringVar(&c.CAFile, "ca-file", c.CAFile, "PEM `file` of the authorities to trust, in place of the system's")
	fs.StringVar(&c.CertFile, "cert-file", c.CertFile, "PEM `file` of the client's certificate")
	fs.StringVar(&c.KeyFile, "key-file", c.KeyFile, "PEM `file` of its key; none: it is in cert-file")
	fs.StringVar(&c.ServerName, "server-name", c.ServerName, "host `name` in the server's certificate, where it is not that of the URI")
	fs.BoolVar(&c.Insecure, "insecure", c.Insecure, "do not check who the server is")
	fs.Var(age{&c.MaxConnAge}, "max-conn-age", "longest use of a connection, after which the name is looked up again; 0: no limit")
}

// SetURL implements [sink.Opener].
func (c *Config) SetURL(u *url.URL) error { return c.setURL(u) }

// Defaults implements [sink.Defaulter]: see Delivery in the package comment.
func (c *Config) Defaults() map[string]string {
	if c.confirms() {
		return nil // a connection for each batch: few of them
	}
	return map[string]string{"batch-records": "100", "batch-bytes": "32KiB"}
}

// Open implements [sink.Opener]. It is New.
func (c *Config) Open(context.Context) (sink.Sink, error) { return New(*c) }

// New returns the sink. Nothing is dialled. The error joins what is wrong with the
// settings.
func New(c Config) (sink.Sink, error) {
	if err := c.Validate(); err != nil {
		return nil, fmt.Errorf("syslog: %w", err)
	}
	return newDestination(&c), nil
}

var _ interface {
	sink.Opener
	sink.Validator
	sink.Defaulter
} = (*Config)(nil)
