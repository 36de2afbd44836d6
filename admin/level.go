package admin

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/fapilog/fapilog"
	"github.com/fapilog/fapilog/sink"
)

// maxBody is the most bytes of a request's body.
const maxBody = 4 << 10

// order says which level to set, and of which sink. Nil: not said.
type order struct {
	Sink  *string `json:"sink"`
	Level *string `json:"level"`
}

var (
	errTwice = errors.New("give sink and level in the query or in the body, not in both")
	errBody  = errors.New(`malformed body; want {"sink": "NAME", "level": "LEVEL"}, or no body and both in the query`)
	errNone  = errors.New(`which level? Give level=LEVEL in the query, or {"level": "LEVEL"}; "default" is the configured one`)
)

// levels answers with the level of the sink that is asked for, or of every sink.
func (h *handler) levels(r *http.Request) reply {
	values, mistake := query(r.URL, "sink")
	if mistake != nil {
		return *mistake
	}
	all := h.levelsNow()
	if name := values["sink"]; name != nil {
		level, ok := all[*name]
		if !ok {
			if h.known(*name) {
				return say(http.StatusConflict, "sink %s is a standby, which has no level", *name)
			}
			return say(http.StatusNotFound, "no sink is named %q; there are: %s", *name, strings.Join(slices.Sorted(maps.Keys(all)), " "))
		}
		all = map[string]string{*name: level}
	}
	return asJSON(http.StatusOK, all)
}

// levelsNow leaves out standbys, which have no level.
func (h *handler) levelsNow() map[string]string {
	all := make(map[string]string)
	for _, m := range h.pipeline.Metrics() {
		if !m.Standby {
			all[m.Name] = sink.Level(m.Level).String()
		}
	}
	return all
}

// known reports whether a sink has that name.
func (h *handler) known(name string) bool {
	return slices.ContainsFunc(h.pipeline.Metrics(), func(m fapilog.SinkMetrics) bool { return m.Name == name })
}

func (h *handler) putLevel(r *http.Request) reply {
	values, mistake := query(r.URL, "sink", "level")
	if mistake != nil {
		return *mistake
	}
	o, err := readOrder(r.Body, order{values["sink"], values["level"]})
	if err != nil {
		return say(http.StatusBadRequest, "%v", err)
	}
	level, err := parseLevel(*o.Level)
	if err != nil {
		return say(http.StatusBadRequest, "level %.64q: %v", *o.Level, err)
	}
	return h.setLevel(o.Sink, level)
}

func (h *handler) deleteLevel(r *http.Request) reply {
	values, mistake := query(r.URL, "sink")
	if mistake != nil {
		return *mistake
	}
	return h.setLevel(values["sink"], nil)
}

// readOrder returns the order in the body or, if there is no body, the one in the
// query.
func readOrder(body io.Reader, inQuery order) (order, error) {
	text, err := io.ReadAll(io.LimitReader(body, maxBody+1))
	if err != nil {
		return order{}, err
	}
	o := inQuery
	if len(bytes.TrimSpace(text)) > 0 {
		if inQuery != (order{}) {
			return order{}, errTwice
		}
		if o, err = parseOrder(text); err != nil {
			return order{}, err
		}
	}
	if o.Level == nil || strings.TrimSpace(*o.Level) == "" {
		return order{}, errNone
	}
	return o, nil
}

func parseOrder(text []byte) (o order, err error) {
	if len(text) > maxBody {
		return order{}, fmt.Errorf("the body is longer than %d bytes", maxBody)
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if d.Decode(&o) != nil || d.Decode(new(any)) != io.EOF {
		return order{}, errBody
	}
	return o, nil
}

// parseLevel returns the level, or nil for what was configured.
func parseLevel(text string) (slog.Leveler, error) {
	text = strings.TrimSpace(text)
	if strings.EqualFold(text, "default") {
		return nil, nil
	}
	var l sink.Level
	if err := l.Set(text); err != nil {
		return nil, err
	}
	return slog.Level(l), nil
}

// setLevel sets the level of the sink of that name, or of all; nil is the
// configured one. A standby has no level: all does not mean it.
func (h *handler) setLevel(name *string, level slog.Leveler) reply {
	if name == nil {
		for name := range h.levelsNow() {
			_ = h.pipeline.SetLevel(name, level) // there is such a sink
		}
		return asJSON(http.StatusOK, h.levelsNow())
	}
	if err := h.pipeline.SetLevel(*name, level); err != nil {
		if h.known(*name) {
			return say(http.StatusConflict, "%v", err)
		}
		return say(http.StatusNotFound, "%v", err)
	}
	return asJSON(http.StatusOK, h.levelsNow())
}
