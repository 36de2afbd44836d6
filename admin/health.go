package admin

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"

	"github.com/fapilog/fapilog"
	"github.com/fapilog/fapilog/breaker"
)

// status is how something is doing.
type status string

const (
	statusOK       status = "ok"
	statusDegraded status = "degraded" // it goes on, not as it should
	statusParked   status = "parked"   // a sink: see sink.Park
	statusGone     status = "gone"     // a sink: see sink.Gone
	statusClosed   status = "closed"   // the pipeline: Close has ended
)

// health is the answer of /healthz.
type health struct {
	Status  status                `json:"status"` // ok, degraded or closed
	State   fapilog.State         `json:"state"`
	Journal journalHealth         `json:"journal"`
	Sinks   map[string]sinkHealth `json:"sinks"`
}

type journalHealth struct {
	Status  status `json:"status"` // degraded: it should be in files, and is in memory
	Durable bool   `json:"durable"`
	Bytes   int64  `json:"bytes"`
	Error   string `json:"error,omitempty"`
}

type sinkHealth struct {
	Status        status        `json:"status"` // ok, degraded (its circuit is not closed), parked or gone
	Pending       uint64        `json:"pending"`
	OldestPending float64       `json:"oldest_pending_seconds"`
	Circuit       breaker.State `json:"circuit"`
	LastError     string        `json:"last_error,omitempty"`
}

func healthOf(state fapilog.State, s fapilog.Stats) health {
	h := health{Status: statusOK, State: state, Journal: journalHealthOf(s), Sinks: make(map[string]sinkHealth, len(s.Sinks))}
	if h.Journal.Status != statusOK {
		h.Status = statusDegraded
	}
	for _, k := range s.Sinks {
		h.Sinks[k.Name] = sinkHealthOf(k)
		if h.Sinks[k.Name].Status != statusOK {
			h.Status = statusDegraded
		}
	}
	if state == fapilog.StateClosed {
		h.Status = statusClosed
	}
	return h
}

func journalHealthOf(s fapilog.Stats) journalHealth {
	h := journalHealth{Status: statusOK, Durable: s.Journal != nil, Bytes: s.JournalBytes}
	if h.Durable && !s.Journal.OnDisk {
		h.Status, h.Error = statusDegraded, s.Journal.Err
	}
	return h
}

func sinkHealthOf(k fapilog.SinkStats) sinkHealth {
	h := sinkHealth{Status: statusOK, Pending: k.Pending, OldestPending: k.OldestPending.Seconds(), Circuit: k.Circuit, LastError: k.LastError}
	switch {
	case k.Gone:
		h.Status = statusGone
	case k.Parked:
		h.Status = statusParked
	case k.Circuit != breaker.Closed:
		h.Status = statusDegraded
	}
	return h
}

func (h *handler) healthz(r *http.Request) reply {
	state := h.pipeline.State() // before the rows: one that says closed has its last ones
	now := healthOf(state, h.pipeline.Stats())
	well, refusal := now.well(r.URL)
	if refusal != nil {
		return *refusal
	}
	if !well || state == fapilog.StateClosed {
		return asJSON(http.StatusServiceUnavailable, now)
	}
	return asJSON(http.StatusOK, now)
}

// well reports whether the sinks that the URL asks for are; without such, that
// they are is not asked. A mistake in the URL is answered with the reply.
func (h health) well(u *url.URL) (bool, *reply) {
	values, mistake := query(u, "sinks")
	if mistake != nil {
		return false, mistake
	}
	if values["sinks"] == nil {
		return true, nil
	}
	names := strings.Split(*values["sinks"], ",")
	if *values["sinks"] == "all" {
		names = nil
		for name := range h.Sinks {
			names = append(names, name)
		}
	}
	well := true
	for _, name := range names {
		k, ok := h.Sinks[name]
		if !ok {
			a := say(http.StatusNotFound, "no sink is named %q; give names with a comma between, or all", name)
			return false, &a
		}
		well = well && k.Status == statusOK
	}
	return well, nil
}

func (h *handler) readyz(*http.Request) reply {
	state := h.pipeline.State()
	answer := struct {
		State fapilog.State `json:"state"`
	}{state}
	if state != fapilog.StateOpen {
		return asJSON(http.StatusServiceUnavailable, answer)
	}
	return asJSON(http.StatusOK, answer)
}

func (h *handler) stats(*http.Request) reply { return asJSON(http.StatusOK, h.pipeline.Stats()) }

// asJSON returns v, which can be written as JSON, on one line.
func asJSON(status int, v any) reply {
	body, err := json.Marshal(v)
	if err != nil {
		return say(http.StatusInternalServerError, "%v", err)
	}
	return reply{status: status, kind: "application/json", body: append(body, '\n')}
}
