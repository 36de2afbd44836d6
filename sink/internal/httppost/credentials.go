package httppost

import (
	"cmp"
	"encoding/base64"
	"net/http"
	"net/url"
	"runtime/debug"
	"strings"

	"github.com/fapilog/fapilog/sink/internal/httpheader"
)

// header returns the header of a request, and what of it is not to be printed.
func (c *Client) header(r *Request) (header http.Header, secrets []string, err error) {
	header = make(http.Header, 8)
	header.Set("User-Agent", c.agent)
	if r.IdempotencyKey != "" {
		header.Set("Idempotency-Key", r.IdempotencyKey)
	}
	if r.ContentType != "" {
		header.Set("Content-Type", r.ContentType)
	}
	authorization, secrets, err := c.authorization()
	if err != nil {
		return nil, nil, err
	}
	if authorization != "" {
		header.Set("Authorization", authorization)
	}
	for _, given := range []http.Header{r.Header, c.configured} {
		for name, values := range given {
			header[name] = append([]string(nil), values...)
		}
	}
	for _, values := range c.configured {
		secrets = append(secrets, values...)
	}
	secrets = append(secrets, tokenOf(header.Get("Authorization")))
	return header, append(secrets, querySecrets(c.config.Query)...), nil
}

// authorization returns the value of the header of that name; "" for none.
func (c *Client) authorization() (value string, secrets []string, err error) {
	user, password, token := c.config.User, c.config.Password.Reveal(), c.config.BearerToken.Reveal()
	if c.basic != nil {
		if user, password, err = c.basic.basic(); err != nil {
			return "", nil, err
		}
	}
	if c.bearer != nil {
		secret, err := c.bearer.Read()
		if err != nil {
			return "", nil, err
		}
		token = secret.Reveal()
	}
	switch {
	case token != "":
		return cmp.Or(c.config.AuthScheme, "Bearer") + " " + token, []string{token}, nil
	case user != "" || password != "":
		encoded := base64.StdEncoding.EncodeToString([]byte(user + ":" + password))
		return "Basic " + encoded, []string{encoded, user, password}, nil
	}
	return "", nil, nil
}

// forget has the files of credentials read again.
func (c *Client) forget() {
	for _, f := range []*SecretFile{c.basic, c.bearer} {
		if f != nil {
			f.Forget()
		}
	}
}

// tokenOf returns the value of an Authorization header without its scheme.
func tokenOf(authorization string) string {
	scheme, token, ok := strings.Cut(authorization, " ")
	if !ok {
		return scheme
	}
	return strings.TrimSpace(token)
}

// querySecrets returns the values of the parameters, or the names of those that
// have none, as they stand and decoded.
func querySecrets(query string) (secrets []string) {
	for pair := range strings.SplitSeq(query, "&") {
		name, value, ok := strings.Cut(pair, "=")
		if !ok {
			value = name
		}
		secrets = append(secrets, value)
		if decoded, err := url.QueryUnescape(value); err == nil {
			secrets = append(secrets, decoded)
		}
	}
	return secrets
}

// userAgent returns what the sink is called to servers: fapilog/v1.2.3 (loki).
func userAgent(sinkName string) string {
	product := "fapilog"
	if v := version(); v != "" {
		product += "/" + v
	}
	return product + " (" + sinkName + ")"
}

// version returns that of this module in the running program; "" if it is not
// known.
func version() string {
	const path = "github.com/fapilog/fapilog"
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	for _, m := range append(info.Deps, &info.Main) {
		if m.Path == path && httpheader.IsToken(m.Version) {
			return m.Version
		}
	}
	return ""
}
