package httppost

import (
	"regexp"
	"strings"
)

// speaksTLS is what to do about a request without TLS to a port with it.
const speaksTLS = "the port speaks TLS; use the scheme with https"

// complaints are what servers say with 400 where the settings are to blame, and no
// record: how the text begins, and what to do about it. A text is that of a body without
// its tags; it is its beginning that counts, as further on a server may quote a record.
var complaints = []struct{ begins, advice string }{
	{"Client sent an HTTP request to an HTTPS server", speaksTLS},    // net/http
	{"400 The plain HTTP request was sent to HTTPS port", speaksTLS}, // nginx, as all that begin with 400
	{"400 Bad Request Bad Request Your browser sent a request that this server could not understand. " +
		"Reason: You're speaking plain HTTP to an SSL-enabled server port", speaksTLS}, // Apache httpd
	{"Bad Request This combination of host and port requires TLS", speaksTLS}, // Tomcat
	{"400 No required SSL certificate was sent", "the server wants a client's certificate; see cert-file"},
	{"400 The SSL certificate error", "the server does not accept the client's certificate; see cert-file"},
	{"400 Request Header Or Cookie Too Large", "the headers are too large"},
}

// complaintBytes is how far into a body a complaint is looked for.
const complaintBytes = 1 << 10

var tags = regexp.MustCompile(`<[^>]*>`)

// complaint returns what to do about r if it is among the complaints; otherwise
// nothing.
func (r *Response) complaint() (advice string) {
	text := tags.ReplaceAllString(string(r.Body[:min(len(r.Body), complaintBytes)]), " ")
	text = strings.Join(strings.Fields(text), " ")
	for _, c := range complaints {
		if strings.HasPrefix(text, c.begins) {
			return c.advice
		}
	}
	return ""
}
