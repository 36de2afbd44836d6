package estest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// action is an action of a bulk request with its metadata.
type action struct {
	Operation
	pipeline string
	opType   string
}

func (s *Server) bulk(x *exchange, defaultIndex string) {
	if f := x.parameters("pipeline", "refresh", "routing", "timeout", "wait_for_active_shards", "require_alias", "require_data_stream"); f != nil {
		x.fail(f)
		return
	}
	body, f := x.body(s.MaxContent)
	if f != nil {
		x.fail(f)
		return
	}
	actions, f := parseBulk(body, action{Operation: Operation{Index: defaultIndex}, pipeline: x.r.URL.Query().Get("pipeline")})
	if f != nil {
		x.fail(f)
		return
	}
	errors := false
	items := make([]any, 0, len(actions))
	for i := range actions {
		result, failed := s.apply(&actions[i])
		errors = errors || failed
		items = append(items, map[string]any{actions[i].Action: result})
	}
	x.reply(http.StatusOK, map[string]any{"took": 1, "errors": errors, "items": items})
}

// parseBulk returns the actions of a body; defaults is what counts where they do
// not say.
func parseBulk(body []byte, defaults action) (actions []action, f *Failure) {
	if len(body) == 0 {
		return nil, failure(http.StatusBadRequest, "parse_exception", "request body is required")
	}
	if body[len(body)-1] != '\n' {
		return nil, failure(http.StatusBadRequest, "illegal_argument_exception", `The bulk request must be terminated by a newline [\n]`)
	}
	lines := bytes.Split(body[:len(body)-1], []byte{'\n'})
	for n := 0; n < len(lines); n++ {
		if len(bytes.TrimSpace(lines[n])) == 0 {
			continue
		}
		a, f := parseAction(lines[n], n+1, defaults)
		if f != nil {
			return nil, f
		}
		if a.Action != "delete" {
			if n++; n == len(lines) {
				return nil, failure(http.StatusBadRequest, "action_request_validation_exception", "Validation Failed: %d: source is missing;", len(actions)+1)
			}
			a.Source = bytes.TrimSuffix(lines[n], []byte{'\r'})
		}
		if a.Index == "" {
			return nil, failure(http.StatusBadRequest, "action_request_validation_exception", "Validation Failed: %d: index is missing;", len(actions)+1)
		}
		actions = append(actions, a)
	}
	if len(actions) == 0 {
		return nil, failure(http.StatusBadRequest, "action_request_validation_exception", "Validation Failed: 1: no requests added;")
	}
	return actions, nil
}

func parseAction(line []byte, n int, a action) (action, *Failure) {
	malformed := func(format string, args ...any) (action, *Failure) {
		return a, failure(http.StatusBadRequest, "illegal_argument_exception", "Malformed action/metadata line [%d], %s", n, fmt.Sprintf(format, args...))
	}
	if i := invalidUTF8(line); i >= 0 {
		return malformed("Invalid UTF-8 start byte %#x", line[i])
	}
	var object map[string]map[string]any
	if err := json.Unmarshal(line, &object); err != nil {
		return malformed("expected START_OBJECT: %v", err)
	}
	if len(object) != 1 {
		return malformed("expected one action but found [%d]", len(object))
	}
	for name, meta := range object {
		a.Action = name
		if !slices.Contains([]string{"create", "delete", "index", "update"}, name) {
			return malformed("expected field [create], [delete], [index] or [update] but found [%s]", name)
		}
		if name == "update" {
			return a, notHere("update")
		}
		for key, value := range meta {
			text, isText := value.(string)
			switch key {
			case "_index":
				a.Index = text
			case "_id":
				a.ID = text
			case "pipeline":
				a.pipeline = text
			case "op_type":
				a.opType = text
			case "routing":
			case "version", "version_type", "if_seq_no", "if_primary_term", "retry_on_conflict", "_source", "require_alias", "require_data_stream", "dynamic_templates":
				return a, notHere(key + " in an action")
			default:
				return a, failure(http.StatusBadRequest, "illegal_argument_exception", "Action/metadata line [%d] contains an unknown parameter [%s]", n, key)
			}
			if !isText {
				return malformed("expected a simple value for field [%s]", key)
			}
		}
	}
	if a.Action == "index" && a.opType == "create" {
		a.Action = "create"
	}
	return a, nil
}

// apply does what an action says, and returns its item.
func (s *Server) apply(a *action) (item map[string]any, failed bool) {
	item, f := s.write(a)
	if f == nil {
		return item, false
	}
	return map[string]any{
		"_index": a.Index, "_id": a.ID, "status": f.Status,
		"error": map[string]any{"type": f.Type, "reason": f.Reason, "index": a.Index, "index_uuid": "_na_", "shard": "0"},
	}, true
}

func (s *Server) write(a *action) (map[string]any, *Failure) {
	if s.Fail != nil {
		if f := s.Fail(a.Operation); f != nil {
			return nil, f
		}
	}
	if a.pipeline != "" && a.pipeline != "_none" && !slices.Contains(s.Pipelines, a.pipeline) {
		return nil, failure(http.StatusBadRequest, "illegal_argument_exception", "pipeline with id [%s] does not exist", a.pipeline)
	}
	if len(a.ID) > 512 {
		return nil, failure(http.StatusBadRequest, "illegal_argument_exception", "id [%s] is too long, must be no longer than 512 bytes but was: %d", a.ID, len(a.ID))
	}
	var leaves []leaf
	if a.Action != "delete" {
		var f *Failure
		if leaves, f = parseDocument(a.Source, a.ID); f != nil {
			return nil, f
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	ix, f := s.open(a.Index)
	if f != nil {
		return nil, f
	}
	if ix.stream && a.Action != "create" {
		return nil, failure(http.StatusBadRequest, "illegal_argument_exception", "only write ops with an op_type of create are allowed in data streams")
	}
	return s.change(ix, a, leaves)
}

// change changes an index, with the lock held.
func (s *Server) change(ix *index, a *action, leaves []leaf) (map[string]any, *Failure) {
	if a.ID == "" {
		a.ID = fmt.Sprintf("made-%d", ix.seq)
	}
	old, exists := ix.documents[a.ID]
	if a.Action == "delete" {
		delete(ix.documents, a.ID)
		if !exists {
			return ix.result(a.ID, old.version+1, "not_found", http.StatusNotFound), nil
		}
		return ix.result(a.ID, old.version+1, "deleted", http.StatusOK), nil
	}
	if f := ix.accept(leaves, a.ID); f != nil {
		return nil, f
	}
	if exists && a.Action == "create" {
		return nil, failure(http.StatusConflict, "version_conflict_engine_exception", "[%s]: version conflict, document already exists (current version [%d])", a.ID, old.version)
	}
	result, status := "created", http.StatusCreated
	if exists {
		result, status = "updated", http.StatusOK
	}
	source := strings.Clone(string(a.Source))
	ix.documents[a.ID] = stored{source: source, version: old.version + 1, seq: ix.seq}
	s.documents = append(s.documents, Document{Index: a.Index, ID: a.ID, Source: source})
	return ix.result(a.ID, old.version+1, result, status), nil
}
