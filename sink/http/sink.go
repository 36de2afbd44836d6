package http

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/fapilog/fapilog/sink"
	"github.com/fapilog/fapilog/sink/internal/httppost"
)

// New returns the sink. It is a [sink.Pinger] if c.Ping is set. Nothing is
// dialled. The error has all that [Config.Validate] finds.
func New(c Config) (sink.Sink, error) {
	if err := c.Validate(); err != nil {
		return nil, fmt.Errorf("http: %w", err)
	}
	c.setDefaults()
	client, err := httppost.New(c.Endpoint, "http")
	if err != nil {
		return nil, fmt.Errorf("http: %w", err)
	}
	frame, err := frameOf(c)
	if err != nil {
		return nil, fmt.Errorf("http: %w", err)
	}
	p := &poster{client: client, frame: frame, method: c.Method, success: c.Success}
	if c.signs() {
		p.signer = &signer{secret: c.HMACSecret, signatureHeader: c.SignatureHeader, timestampHeader: c.TimestampHeader}
		if c.HMACSecretFile != "" {
			p.signer.file = httppost.NewSecretFile(c.HMACSecretFile)
		}
	}
	if c.Ping != "" {
		return &pingable{poster: p, path: c.Ping}, nil
	}
	return p, nil
}

// frame is what stands around the records of a body.
type frame struct {
	before, between, after string
	contentType            string
}

func frameOf(c Config) (frame, error) {
	switch c.Body {
	case Array:
		return frame{"[", ",", "]", "application/json"}, nil
	case Wrapped:
		key, err := json.Marshal(c.Key)
		return frame{"{" + string(key) + ":[", ",", "]}", "application/json"}, err
	}
	return frame{"", "\n", "\n", "application/x-ndjson"}, nil
}

// appendBody appends that of a batch.
func (f *frame) appendBody(b []byte, batch []sink.Record) []byte {
	size := len(f.before) + len(f.after)
	for i := range batch {
		size += len(batch[i].JSON) + len(f.between)
	}
	b = append(slices.Grow(b, size), f.before...)
	for i := range batch {
		if i > 0 {
			b = append(b, f.between...)
		}
		if record := batch[i].JSON; utf8.Valid(record) {
			b = append(b, record...)
		} else {
			b = append(b, bytes.ToValidUTF8(record, []byte("\uFFFD"))...)
		}
	}
	return append(b, f.after...)
}

// poster is the sink.
type poster struct {
	client  *httppost.Client
	frame   frame
	method  string
	success Statuses
	signer  *signer // nil: requests are not signed
	bodies  httppost.Buffers
}

// Write implements [sink.Sink].
func (p *poster) Write(ctx context.Context, batch []sink.Record) error {
	sign, err := p.signer.sign(time.Now())
	if err != nil {
		return httppost.Prefix("http", err)
	}
	body := p.bodies.Get()
	defer p.bodies.Put(body)
	*body = p.frame.appendBody(*body, batch)
	response, err := p.client.Do(ctx, httppost.Request{
		Method: p.method, Body: *body, ContentType: p.frame.contentType,
		IdempotencyKey: httppost.BatchKey(batch), Sign: sign,
	})
	if err != nil {
		return httppost.Prefix("http", err)
	}
	if s := response.Status; s == http.StatusUnauthorized || s == http.StatusForbidden {
		p.signer.forget()
	}
	return httppost.Prefix("http", p.judge(response))
}

// inProgress is the status of a request whose key the server knows from one that it
// is still working on (draft-ietf-httpapi-idempotency-key-header, section 2.6). It
// says nothing about records.
const inProgress = http.StatusConflict

// Table returns what the statuses of answers mean if success is not set; the first
// row that has a status counts.
func Table() []httppost.Row {
	return append([]httppost.Row{{First: inProgress, Last: inProgress, Verdict: sink.Retry, Remark: "an earlier attempt is still under way there; success=200,409 if it means that the records are stored"}}, httppost.Table()...)
}

// judge returns what an answer means; nil: the records are delivered.
func (p *poster) judge(r *httppost.Response) *sink.Error {
	if p.success.has(r.Status) {
		return httppost.JudgeSuccess(r)
	}
	if e := httppost.Judge(r); e != nil {
		if r.Status == inProgress {
			e.Verdict, e.After = sink.Retry, httppost.RetryAfter(r.Header, time.Now())
		}
		return e
	}
	return &sink.Error{Err: fmt.Errorf("%d is not among the statuses of success (%v)", r.Status, p.success)}
}

// Close implements [sink.Sink].
func (p *poster) Close() error {
	p.client.Close()
	return nil
}

// pingable is a poster whose server can be asked how it is.
type pingable struct {
	*poster
	path string
}

// Ping implements [sink.Pinger].
func (p *pingable) Ping(ctx context.Context) error {
	response, err := p.client.Do(ctx, httppost.Request{Method: http.MethodGet, Path: p.path, Root: true})
	if err != nil {
		return httppost.Prefix("http", err)
	}
	return httppost.Prefix("http", httppost.Judge(response))
}

// signer signs requests. A nil signer does nothing.
type signer struct {
	secret                           sink.Secret
	file                             *httppost.SecretFile // nil: secret counts
	signatureHeader, timestampHeader string
}

// sign returns a function for [httppost.Request.Sign].
func (s *signer) sign(now time.Time) (func(body []byte, h http.Header), error) {
	if s == nil {
		return nil, nil
	}
	secret := s.secret
	if s.file != nil {
		var err error
		if secret, err = s.file.Read(); err != nil {
			return nil, err
		}
	}
	timestamp := strconv.FormatInt(now.Unix(), 10)
	return func(body []byte, h http.Header) {
		mac := hmac.New(sha256.New, []byte(secret))
		mac.Write([]byte(timestamp + "."))
		mac.Write(body)
		h.Set(s.timestampHeader, timestamp)
		h.Set(s.signatureHeader, "sha256="+hex.EncodeToString(mac.Sum(nil)))
	}, nil
}

// forget has a file's secret read again: a signature was refused.
func (s *signer) forget() {
	if s != nil && s.file != nil {
		s.file.Forget()
	}
}
