package estest

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
)

// exchange is a request and its answer.
type exchange struct {
	w      http.ResponseWriter
	r      *http.Request
	filter [][]string // filter_path
	answer string     // content type
}

func failure(status int, kind, format string, args ...any) *Failure {
	return &Failure{status, kind, fmt.Sprintf(format, args...)}
}

// fail answers that the whole request was refused.
func (x *exchange) fail(f *Failure) {
	cause := map[string]any{"type": f.Type, "reason": f.Reason}
	x.reply(f.Status, map[string]any{
		"error":  map[string]any{"root_cause": []any{cause}, "type": f.Type, "reason": f.Reason},
		"status": f.Status,
	})
}

// reply answers with v, filtered.
func (x *exchange) reply(status int, v any) {
	if x.filter != nil {
		var ok bool
		if v, ok = filtered(v, x.filter); !ok {
			v = map[string]any{}
		}
	}
	var text bytes.Buffer
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false) // a document comes back as it was sent
	if err := e.Encode(v); err != nil {
		panic(err)
	}
	body := bytes.TrimSuffix(text.Bytes(), []byte("\n"))
	contentType := x.answer
	if contentType == "" {
		contentType = "application/json"
	}
	x.w.Header().Set("Content-Type", contentType)
	x.w.Header().Set("Content-Length", fmt.Sprint(len(body)))
	x.w.WriteHeader(status)
	if x.r.Method != http.MethodHead {
		_, _ = x.w.Write(body) // whoever has gone does not want it
	}
}

// mediaType are the types of bodies, with the version that clients of 8 and 9
// demand.
var mediaType = regexp.MustCompile(`^application/(json|x-ndjson|vnd\.elasticsearch\+(?:json|x-ndjson) *; *compatible-with=[789])(?: *; *charset=(?i:utf-8))?$`)

// negotiate looks at what the request says of its form and that of its answer.
func (x *exchange) negotiate() *Failure {
	if x.r.ContentLength != 0 {
		given := x.r.Header.Values("Content-Type")
		if len(given) != 1 || !mediaType.MatchString(given[0]) {
			return failure(http.StatusNotAcceptable, "content_type_header_exception", "Content-Type header %v is not supported", given)
		}
		if strings.Contains(given[0], "vnd.elasticsearch") {
			x.answer = strings.Replace(given[0], "x-ndjson", "json", 1)
		}
	}
	if path := x.r.URL.Query().Get("filter_path"); path != "" {
		for p := range strings.SplitSeq(path, ",") {
			if strings.HasPrefix(p, "-") {
				return notHere("exclusions in filter_path")
			}
			x.filter = append(x.filter, strings.Split(p, "."))
		}
	}
	return nil
}

// parameters refuses a request with other parameters than those of every request
// and these.
func (x *exchange) parameters(known ...string) *Failure {
	known = append(known, "filter_path", "pretty", "human", "error_trace")
	for name := range x.r.URL.Query() {
		if !slices.Contains(known, name) {
			return failure(http.StatusBadRequest, "illegal_argument_exception", "request [%s] contains unrecognized parameter: [%s]", x.r.URL.Path, name)
		}
	}
	return nil
}

// body returns the body, decompressed.
func (x *exchange) body(limit int64) ([]byte, *Failure) {
	if limit == 0 {
		limit = 100 << 20
	}
	var from io.Reader = x.r.Body
	switch encoding := x.r.Header.Get("Content-Encoding"); encoding {
	case "", "identity":
	case "gzip":
		z, err := gzip.NewReader(from)
		if err != nil {
			return nil, failure(http.StatusBadRequest, "parse_exception", "not gzip: %v", err)
		}
		from = z
	default:
		return nil, failure(http.StatusUnsupportedMediaType, "illegal_argument_exception", "Content-Encoding [%s] is not supported", encoding)
	}
	b, err := io.ReadAll(io.LimitReader(from, limit+1))
	if err != nil {
		return nil, failure(http.StatusBadRequest, "parse_exception", "%v", err)
	}
	if int64(len(b)) > limit {
		return nil, failure(http.StatusRequestEntityTooLarge, "content_too_long_exception", "entity content is too long for the configured buffer limit [%d]", limit)
	}
	return b, nil
}

func notHere(what string) *Failure {
	return failure(http.StatusNotImplemented, "not_implemented", "this fake does not have %s", what)
}

// authenticate refuses whoever may not come in.
func (s *Server) authenticate(r *http.Request) *Failure {
	if len(s.Users) == 0 && len(s.APIKeys) == 0 {
		return nil
	}
	authorization := r.Header.Get("Authorization")
	if authorization == "" {
		return failure(http.StatusUnauthorized, "security_exception", "missing authentication credentials for REST request [%s]", r.URL.Path)
	}
	if user, password, ok := r.BasicAuth(); ok {
		if want, known := s.Users[user]; known && want == password {
			return nil
		}
		return failure(http.StatusUnauthorized, "security_exception", "unable to authenticate user [%s] for REST request [%s]", user, r.URL.Path)
	}
	if key, ok := strings.CutPrefix(authorization, "ApiKey "); ok && slices.Contains(s.APIKeys, key) {
		return nil
	}
	return failure(http.StatusUnauthorized, "security_exception", "unable to authenticate with provided credentials for REST request [%s]", r.URL.Path)
}
