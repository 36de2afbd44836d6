package cloudwatch

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/fapilog/fapilog/sink"
	"github.com/fapilog/fapilog/sink/cloudwatch/cwtest"
	"github.com/fapilog/fapilog/sink/internal/identity/identitytest"
	"github.com/fapilog/fapilog/sink/sinktest/pipe"
)

// answering is a server that answers every request so.
func answering(answer func(w http.ResponseWriter)) *cwtest.Server {
	return &cwtest.Server{Answer: func(_ int, _ string, w http.ResponseWriter, r *http.Request) bool {
		_, _ = io.Copy(io.Discard, r.Body)
		answer(w)
		return true
	}}
}

func withoutCreate(c *Config) { c.Create = false }

// Every row of the table, through the SDK.
func TestErrorsOfAWSMeanWhatTheTableSays(t *testing.T) {
	for _, row := range Table() {
		for _, code := range row.Codes {
			server := answering(func(w http.ResponseWriter) { cwtest.Fail(w, code, "first line\nsecond line") })
			inBubble(t, server, withoutCreate, func(t *testing.T, n *network, s sink.Sink) {
				err := write(s, numbered(2))
				if outcomeOf(err) != row.Outcome() {
					t.Errorf("%s is %s, want %s", code, outcomeOf(err), row.Outcome())
				}
				if err != nil && (!strings.Contains(err.Error(), " "+code+": first line") || strings.Contains(err.Error(), "second")) {
					t.Errorf("%s: the error is %v", code, err)
				}
				if len(n.Requests()) != 1 {
					t.Errorf("%s: %d requests for one attempt", code, len(n.Requests()))
				}
			})
		}
	}
}

func TestStatusesWithoutACodeMeanWhatTheTableSays(t *testing.T) {
	want := func(status int) string {
		for _, row := range Table() {
			if len(row.Codes) == 0 && row.First <= status && status <= row.Last {
				if row.Delivered {
					return "retry" // what comes without an object of JSON is not from CloudWatch Logs
				}
				return row.Outcome()
			}
		}
		return "no row"
	}
	for _, status := range []int{200, 201, 204, 226, 299, 300, 301, 302, 303, 304, 307, 308, 400, 401, 402, 403, 404, 405, 406, 407, 408, 409, 410, 411, 412, 413,
		414, 415, 418, 421, 422, 425, 426, 428, 429, 431, 451, 499, 500, 501, 502, 503, 504, 505, 511, 520, 599, 600, 999} {
		for _, body := range []string{"", "<html>gateway</html>", `["not an object"]`} {
			server := answering(func(w http.ResponseWriter) {
				w.Header().Set("Location", "http://elsewhere.example/")
				w.WriteHeader(status)
				io.WriteString(w, body)
			})
			inBubble(t, server, withoutCreate, func(t *testing.T, n *network, s sink.Sink) {
				err := write(s, numbered(2))
				if outcomeOf(err) != want(status) || !strings.Contains(fmt.Sprint(err), fmt.Sprint(status)) {
					t.Errorf("%d %s is %s (%v), want %s", status, body, outcomeOf(err), err, want(status))
				}
				if len(n.Requests()) != 1 {
					t.Errorf("%d: %q", status, n.operations())
				}
			})
		}
	}
}

func TestAnswersAreOnlyTrustedAsFarAsTheyCanBe(t *testing.T) {
	object := func(w http.ResponseWriter) { w.Header().Set("Content-Type", "application/x-amz-json-1.1") }
	for name, c := range map[string]struct {
		answer func(http.ResponseWriter)
		want   string // outcome and text
	}{
		"an empty object":          {func(w http.ResponseWriter) { object(w); io.WriteString(w, "{}") }, "delivered"},
		"with a token":             {func(w http.ResponseWriter) { object(w); io.WriteString(w, ` {"nextSequenceToken":"x","new":[1]} `) }, "delivered"},
		"nothing":                  {func(w http.ResponseWriter) { object(w) }, "retry: cloudwatch: PutLogEvents: 200 OK: not an answer of CloudWatch Logs"},
		"a page":                   {func(w http.ResponseWriter) { io.WriteString(w, "<html>\nlog in\n") }, "retry: cloudwatch: PutLogEvents: 200 OK: not an answer of CloudWatch Logs: <html>"},
		"half an object":           {func(w http.ResponseWriter) { object(w); io.WriteString(w, `{"next`) }, "retry"},
		"the wrong kind of member": {func(w http.ResponseWriter) { object(w); io.WriteString(w, `{"rejectedLogEventsInfo":7}`) }, "retry"},
		"an index that is no number": {func(w http.ResponseWriter) {
			io.WriteString(w, `{"rejectedLogEventsInfo":{"tooOldLogEventEndIndex":"2"}}`)
		}, "retry"},
		"too much":                 {func(w http.ResponseWriter) { io.WriteString(w, `{"a":"`+strings.Repeat("x", 70_000)+`"}`) }, "retry: cloudwatch: PutLogEvents: 200 OK: the answer is too long"},
		"cut off":                  {func(w http.ResponseWriter) { w.Header().Set("Content-Length", "99"); io.WriteString(w, "{}") }, "retry"},
		"an error that is cut off": {func(w http.ResponseWriter) { w.Header().Set("Content-Length", "99"); w.WriteHeader(403) }, "park: cloudwatch: PutLogEvents: 403 Forbidden"},
		"an unknown code":          {func(w http.ResponseWriter) { cwtest.Fail(w, "NewException", "\n") }, "retry: cloudwatch: PutLogEvents: 400 NewException:"},
		"an unknown code with 403": {func(w http.ResponseWriter) { w.WriteHeader(403); io.WriteString(w, `{"__type":"X"}`) }, "park: cloudwatch: PutLogEvents: 403 X"},
		"no code":                  {func(w http.ResponseWriter) { w.WriteHeader(400); io.WriteString(w, `{}`) }, "retry: cloudwatch: PutLogEvents: 400"},
		"a message that is too large": {func(w http.ResponseWriter) {
			cwtest.Fail(w, "InvalidParameterException", "Upload too large: 7 bytes exceeds limit of 6")
		}, "too_large: cloudwatch: PutLogEvents: 400 InvalidParameterException: Upload too large"},
		"no answer": {func(http.ResponseWriter) { panic(http.ErrAbortHandler) }, "retry: cloudwatch: PutLogEvents: the connection was closed before an answer"},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, answering(c.answer), nil, func(t *testing.T, n *network, s sink.Sink) {
				err := write(s, numbered(2))
				if got := fmt.Sprintf("%s: %v", outcomeOf(err), err); !strings.HasPrefix(got, c.want) {
					t.Errorf("%s; want %s", got, c.want)
				}
			})
		})
	}
}

func TestRetryAfterIsReadWhereThereIsOne(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"": 0, "7": 7 * time.Second, "-7": 0, "soon": 0, "0": 0, "99999999": 24 * time.Hour, "99999999999999999999999": 24 * time.Hour,
		"Sat, 01 Jan 2000 00:01:30 GMT": 90 * time.Second, "Fri, 31 Dec 1999 23:00:00 GMT": 0,
	} {
		server := answering(func(w http.ResponseWriter) {
			w.Header().Set("Retry-After", text)
			cwtest.Fail(w, "ThrottlingException", "Rate exceeded")
		})
		inBubble(t, server, nil, func(t *testing.T, n *network, s sink.Sink) {
			var e *sink.Error
			if err := write(s, numbered(1)); !errors.As(err, &e) || e.Verdict != sink.Throttled || e.After != want {
				t.Errorf("%q: %+v, want %v", text, e, want)
			}
		})
	}
}

func TestAnAttemptEndsAtItsDeadline(t *testing.T) {
	for name, answer := range map[string]func(http.ResponseWriter){
		"no answer": func(http.ResponseWriter) { time.Sleep(time.Hour) },
		"a byte a second": func(w http.ResponseWriter) {
			for range 100 {
				io.WriteString(w, " ")
				w.(http.Flusher).Flush()
				time.Sleep(time.Second)
			}
		},
	} {
		inBubble(t, answering(answer), nil, func(t *testing.T, n *network, s sink.Sink) {
			start := time.Now()
			err := write(s, numbered(1))
			if outcomeOf(err) != "retry" || time.Since(start) != 10*time.Second {
				t.Errorf("%s: %v after %v", name, err, time.Since(start))
			}
			time.Sleep(2 * time.Hour) // the handler's end
		})
	}
}

func TestAServerThatIsNotThereIsARetry(t *testing.T) {
	inBubble(t, new(cwtest.Server), nil, func(t *testing.T, n *network, s sink.Sink) {
		n.down = true
		err := write(s, numbered(1))
		if outcomeOf(err) != "retry" || !strings.Contains(err.Error(), "connection refused") {
			t.Errorf("%s: %v", outcomeOf(err), err)
		}
		if n.dials != 1 {
			t.Errorf("%d dials in one attempt", n.dials)
		}
		n.down = false
		if err := write(s, numbered(1)); err != nil {
			t.Error(err)
		}
	})
}

func TestAConnectionThatWasClosedMeanwhileIsNoFailure(t *testing.T) {
	inBubble(t, new(cwtest.Server), nil, func(t *testing.T, n *network, s sink.Sink) {
		for range 3 {
			if err := write(s, numbered(1)); err != nil {
				t.Fatal(err)
			}
			for _, c := range n.conns {
				c.Reset()
			}
		}
		if n.dials != 3 || len(n.texts()) != 3 {
			t.Errorf("%d dials, %d arrived", n.dials, len(n.texts()))
		}
	})
}

func TestConnectionsAreUsedForAMinute(t *testing.T) {
	inBubble(t, new(cwtest.Server), nil, func(t *testing.T, n *network, s sink.Sink) {
		var dials []int
		for range 5 {
			if err := write(s, numbered(1)); err != nil {
				t.Fatal(err)
			}
			dials = append(dials, n.dials)
			time.Sleep(30 * time.Second)
		}
		if want := []int{1, 1, 2, 2, 3}; !slices.Equal(dials, want) {
			t.Errorf("dials after each request are %v, want %v", dials, want)
		}
	})
}

// failing is a provider of credentials that has none.
func failing(err error) aws.CredentialsProvider {
	return aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return aws.Credentials{}, err })
}

func TestWithoutCredentialsTheSinkIsParked(t *testing.T) {
	chain := func(c *Config) { c.Credentials = nil }
	keys := func(key, secret string) func(*Config) {
		return func(c *Config) { c.Credentials = credentials.NewStaticCredentialsProvider(key, secret, "") }
	}
	for name, c := range map[string]struct {
		change func(*Config)
		want   string
	}{
		"none in the chain":  {chain, "park: cloudwatch: no AWS credentials: "},
		"a provider fails":   {func(c *Config) { c.Credentials = failing(errors.New("the file is gone\nline 2")) }, "park: cloudwatch: no AWS credentials: failed to refresh cached credentials, the file is gone"},
		"an unknown key":     {keys("AKIDOTHER", cwtest.SecretKey), "park: cloudwatch: PutLogEvents: 400 UnrecognizedClientException"},
		"a wrong secret":     {keys(cwtest.AccessKey, "wrong"), "park: cloudwatch: PutLogEvents: 400 InvalidSignatureException"},
		"for another region": {func(c *Config) { c.Region = "us-east-1" }, "park: cloudwatch: PutLogEvents: 400 UnrecognizedClientException"},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, new(cwtest.Server), c.change, func(t *testing.T, n *network, s sink.Sink) {
				err := write(s, numbered(1))
				if got := fmt.Sprintf("%s: %v", outcomeOf(err), err); !strings.HasPrefix(got, c.want) || strings.Contains(got, "\n") {
					t.Errorf("%s; want %s", got, c.want)
				}
			})
		})
	}
}

// The service that gives out roles is judged like a server when it is down.
func TestARoleIsAssumedWithTheCredentialsOfTheChain(t *testing.T) {
	const granted = `<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials>` +
		`<AccessKeyId>` + cwtest.AccessKey + `</AccessKeyId><SecretAccessKey>` + cwtest.SecretKey + `</SecretAccessKey>` +
		`<SessionToken>token</SessionToken><Expiration>2000-01-01T01:00:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>`
	const denied = `<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>not allowed to assume</Message></Error></ErrorResponse>`
	t.Setenv("AWS_ENDPOINT_URL_STS", "http://sts.example")
	for name, c := range map[string]struct {
		status int
		body   string
		want   string
	}{
		"granted": {200, granted, "delivered"},
		"denied":  {403, denied, "park: cloudwatch: no AWS credentials: "},
		"down":    {503, "<ErrorResponse><Error><Code>ServiceUnavailable</Code></Error></ErrorResponse>", "retry: cloudwatch: no AWS credentials: "},
	} {
		t.Run(name, func(t *testing.T) {
			asked := ""
			server := &cwtest.Server{Answer: func(_ int, _ string, w http.ResponseWriter, r *http.Request) bool {
				if r.Host != "sts.example" {
					return false
				}
				r.ParseForm()
				asked = r.Form.Get("Action") + " " + r.Form.Get("RoleArn") + " " + r.Form.Get("RoleSessionName")
				w.WriteHeader(c.status)
				io.WriteString(w, c.body)
				return true
			}}
			const role = "arn:aws:iam::123456789012:role/logs"
			inBubble(t, server, func(c *Config) { c.Role = role }, func(t *testing.T, n *network, s sink.Sink) {
				err := write(s, numbered(1))
				if got := fmt.Sprintf("%s: %v", outcomeOf(err), err); !strings.HasPrefix(got, c.want) {
					t.Errorf("%s; want %s", got, c.want)
				}
				if asked != "AssumeRole "+role+" fapilog" {
					t.Errorf("asked for %s", asked)
				}
			})
		})
	}
}

// A server quotes what it was sent when the signature is wrong: none of it is in an error.
func TestNoErrorHoldsASecret(t *testing.T) {
	inBubble(t, new(cwtest.Server), func(c *Config) {
		c.Credentials = credentials.NewStaticCredentialsProvider(cwtest.AccessKey, "canarypassword", "canarytoken")
	}, func(t *testing.T, n *network, s sink.Sink) {
		err := write(s, numbered(1))
		if text := fmt.Sprintf("%v %+v %#v", err, err, err); outcomeOf(err) != "park" || strings.Contains(text, "canary"+"token") || strings.Contains(text, "canary"+"password") {
			t.Errorf("%s, with a secret", outcomeOf(err))
		}
	})
}

func TestNoErrorHoldsASecretThatIsEscaped(t *testing.T) {
	repeat := func(_ int, _ string, w http.ResponseWriter, r *http.Request) bool {
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		w.WriteHeader(400)
		token := strings.NewReplacer("/", `\/`, "=", `\u003d`).Replace(r.Header.Get("X-Amz-Security-Token"))
		fmt.Fprintf(w, `{"__type":"AccessDeniedException","message":"who is \"%s\"?"}`, token)
		return true
	}
	inBubble(t, &cwtest.Server{Answer: repeat}, func(c *Config) {
		c.Credentials = credentials.NewStaticCredentialsProvider(cwtest.AccessKey, "key", "a/session+token==")
	}, func(t *testing.T, n *network, s sink.Sink) {
		if err := write(s, numbered(1)); outcomeOf(err) != "park" || !strings.HasSuffix(err.Error(), `who is "***"?`) {
			t.Errorf("%s: %v", outcomeOf(err), err)
		}
	})
}

func TestWhatAServerSaysUnaskedIsNotPrinted(t *testing.T) {
	var text bytes.Buffer // package log has a lock
	log.SetOutput(&text)
	defer log.SetOutput(os.Stderr)
	unasked := func(_ int, _ string, w http.ResponseWriter, _ *http.Request) bool {
		c, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return true
		}
		answer := `{"nextSequenceToken":"1"}`
		fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Type: application/x-amz-json-1.1\r\nContent-Length: %d\r\n\r\n%sand more", len(answer), answer)
		return true
	}
	for _, scheme := range []string{"http", "https"} {
		inBubble(t, &cwtest.Server{Answer: unasked}, nil, func(t *testing.T, n *network, _ sink.Sink) {
			authority := identitytest.New(t)
			trusted := filepath.Join(t.TempDir(), "ca.pem")
			if err := os.WriteFile(trusted, authority.PEM(), 0o600); err != nil {
				t.Fatal(err)
			}
			t.Setenv("AWS_CA_BUNDLE", trusted)
			secure := &http.Server{Handler: n.Server, ErrorLog: log.New(io.Discard, "", 0)}
			listener := pipe.Listen()
			go secure.Serve(tls.NewListener(listener, &tls.Config{Certificates: []tls.Certificate{authority.Issue("logs.example", time.Time{})}}))
			defer secure.Close()
			s := n.open(t, func(c *Config) {
				c.Endpoint = scheme + "://logs.example"
				if scheme == "https" {
					c.Dial = listener.Dial
				}
			})
			for range 3 {
				if err := write(s, numbered(1)); err != nil {
					t.Error(err)
				}
				time.Sleep(time.Second)
			}
		})
		if text.Len() > 0 {
			t.Errorf("%s: package log says %q", scheme, text.String())
		}
		text.Reset()
	}
}

func TestAnUnknownCertificateParks(t *testing.T) {
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	defer server.Close()
	n := &network{Server: new(cwtest.Server)}
	s := n.open(t, func(c *Config) {
		c.Endpoint = "https://logs.example"
		c.Dial = func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, server.Listener.Addr().String())
		}
	})
	err := write(s, numbered(1))
	if outcomeOf(err) != "park" || !strings.Contains(err.Error(), "x509: certificate") {
		t.Errorf("%s: %v", outcomeOf(err), err)
	}
}

func TestPingAsksForTheStream(t *testing.T) {
	fail := func(code string) func(http.ResponseWriter) {
		return func(w http.ResponseWriter) { cwtest.Fail(w, code, "no") }
	}
	for name, c := range map[string]struct {
		answer func(http.ResponseWriter)
		change func(*Config)
		want   string
	}{
		"it is there":                          {nil, nil, "delivered"},
		"it may not ask":                       {fail("AccessDeniedException"), nil, "delivered"},
		"it will be created":                   {fail("ResourceNotFoundException"), nil, "delivered"},
		"it will not be created":               {fail("ResourceNotFoundException"), withoutCreate, "park"},
		"the key is wrong":                     {fail("UnrecognizedClientException"), nil, "park"},
		"the service is not well":              {fail("ServiceUnavailableException"), nil, "retry"},
		"it is throttled":                      {fail("ThrottlingException"), nil, "throttled"},
		"something else answers with an error": {func(w http.ResponseWriter) { w.WriteHeader(500) }, nil, "retry"},
	} {
		t.Run(name, func(t *testing.T) {
			server := new(cwtest.Server)
			if c.answer != nil {
				server = answering(c.answer)
			}
			inBubble(t, server, c.change, func(t *testing.T, n *network, s sink.Sink) {
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				if err := s.(sink.Pinger).Ping(ctx); outcomeOf(err) != c.want {
					t.Errorf("%v, want %s", err, c.want)
				}
				if got := n.operations(); !slices.Equal(got, []string{"DescribeLogStreams"}) || len(n.texts()) != 0 {
					t.Errorf("%q", got)
				}
			})
		})
	}
}

// canned answers requests without a network.
type canned struct {
	status int
	body   []byte
}

func (c *canned) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: c.status, Header: http.Header{"Content-Type": {contentType + "1.1"}}, Body: io.NopCloser(bytes.NewReader(c.body)), Request: r}, nil
}

// Whatever comes: only an object with a status of success delivers, and an error is one line that is not long.
func TestWhateverTheAnswerIs(t *testing.T) {
	bodies := []string{"{}", `{"rejectedLogEventsInfo":{"tooOldLogEventEndIndex":1}}`, `{"__type":"a#ThrottlingException:http://x","message":"m\u001b\n"}`,
		`{"rejectedLogEventsInfo":{"tooNewLogEventStartIndex":-9223372036854775808,"tooOldLogEventEndIndex":1e3}}`, "<html>", `{"__type":7,"nextSequenceToken":[]}`}
	n := &network{Server: new(cwtest.Server)}
	s := n.open(t, nil)
	answer := new(canned)
	s.(*destination).exchange.transport.RegisterProtocol("http", answer)
	random := rand.New(rand.NewPCG(1, 2))
	for range 3000 {
		answer.status = []int{200, 200, 200, 400, 500}[random.IntN(5)]
		answer.body = mutated(random, bodies[random.IntN(len(bodies))])
		checkOutcome(t, *answer, write(s, numbered(3)))
	}
}

func checkOutcome(t *testing.T, answer canned, err error) {
	t.Helper()
	if err == nil {
		if !isObject(answer.body) || answer.status != 200 {
			t.Errorf("%d %q delivers", answer.status, answer.body)
		}
		return
	}
	if text := err.Error(); len(text) > 2*maxText || strings.ContainsAny(text, "\n\r\x1b") {
		t.Errorf("%d %q: the error is %q", answer.status, answer.body, text)
	}
	var e *sink.Error
	if !errors.As(err, &e) {
		return
	}
	for _, item := range e.Items {
		if item.Index < 0 || item.Index > 2 || item.Verdict != sink.Rejected {
			t.Errorf("%d %q: %+v", answer.status, answer.body, item)
		}
	}
}

// mutated returns text with some bytes changed, taken out or doubled.
func mutated(random *rand.Rand, text string) []byte {
	b := []byte(text)
	for range random.IntN(4) {
		if len(b) == 0 {
			break
		}
		i := random.IntN(len(b))
		switch random.IntN(3) {
		case 0:
			b[i] = "0179-\"{}[],:\\ \xff\x00ae"[random.IntN(18)]
		case 1:
			b = slices.Delete(b, i, i+1)
		case 2:
			b = slices.Insert(b, i, b[random.IntN(len(b)):]...)
		}
	}
	return b
}

// Tools that log in write keys of some hours to a profile of the shared file.
func TestKeysThatAreRenewedInAProfileAreUsed(t *testing.T) {
	file := filepath.Join(t.TempDir(), "credentials")
	put := func(key string) {
		t.Helper()
		if err := os.WriteFile(file, []byte("[logs]\naws_access_key_id = "+key+"\naws_secret_access_key = "+cwtest.SecretKey+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", file)
	put("AKIDEXPIRED")
	inBubble(t, new(cwtest.Server), func(c *Config) { c.Credentials, c.Profile = nil, "logs" }, func(t *testing.T, n *network, s sink.Sink) {
		if err := write(s, numbered(1)); outcomeOf(err) != "park" {
			t.Fatal(err)
		}
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
		if err := write(s, numbered(1)); outcomeOf(err) != "park" || !strings.Contains(err.Error(), "logs") {
			t.Errorf("without the file: %v", err)
		}
		put(cwtest.AccessKey)
		if err := write(s, numbered(1)); err != nil {
			t.Error(err)
		}
		put("AKIDEXPIRED") // nobody looks while they are good
		if err := write(s, numbered(1)); err != nil {
			t.Error(err)
		}
	})
}

// What pings finds out counts too: a circuit that is open has no attempts.
func TestPingHasKeysRenewed(t *testing.T) {
	key := "AKIDEXPIRED"
	provider := aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{AccessKeyID: key, SecretAccessKey: cwtest.SecretKey}, nil
	})
	inBubble(t, new(cwtest.Server), func(c *Config) { c.Credentials = provider }, func(t *testing.T, n *network, s sink.Sink) {
		if err := s.(sink.Pinger).Ping(t.Context()); outcomeOf(err) != "park" {
			t.Fatal(err)
		}
		key = cwtest.AccessKey
		if err := write(s, numbered(1)); err != nil {
			t.Error(err)
		}
	})
}
