package estest

import (
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"
)

// index is an index, or a data stream with its one backing index.
type index struct {
	backing   string // what items and documents say they are in
	stream    bool
	documents map[string]stored
	seq       int               // of the next change
	kinds     map[string]string // types by field
}

type stored struct {
	source       string
	version, seq int
}

// open returns the index of that name, made if need be, with the lock held.
func (s *Server) open(name string) (*index, *Failure) {
	if ix := s.indices[name]; ix != nil {
		return ix, nil
	}
	stream := slices.Contains(s.DataStreams, name)
	if !stream {
		if f := checkName(name); f != nil {
			return nil, f
		}
		if s.NoCreate {
			return nil, failure(http.StatusNotFound, "index_not_found_exception", "no such index [%s] and [action.auto_create_index] is [false]", name)
		}
	}
	ix := &index{backing: name, stream: stream, documents: map[string]stored{}, kinds: map[string]string{}}
	if stream {
		ix.backing = ".ds-" + name + "-2000.01.01-000001"
		ix.kinds["@timestamp"] = kindDate
	}
	if s.indices == nil {
		s.indices = map[string]*index{}
	}
	s.indices[name] = ix
	return ix, nil
}

func noIndex(name string) *Failure {
	return failure(http.StatusNotFound, "index_not_found_exception", "no such index [%s]", name)
}

// result returns the item of a change, and counts it.
func (ix *index) result(id string, version int, result string, status int) map[string]any {
	seq := ix.seq
	ix.seq++
	return map[string]any{
		"_index": ix.backing, "_id": id, "_version": version, "result": result, "_shards": shards(),
		"_seq_no": seq, "_primary_term": 1, "status": status,
	}
}

// checkName refuses names by the rules of the create index API.
func checkName(name string) *Failure {
	refuse := func(why string) *Failure {
		return failure(http.StatusBadRequest, "invalid_index_name_exception", "Invalid index name [%s], %s", name, why)
	}
	switch {
	case name == "":
		return refuse("must not be empty")
	case strings.ContainsAny(name, " \"*\\<|,>/?"):
		return refuse(`must not contain the following characters [' ','"','*','\\','<','|',',','>','/','?']`)
	case strings.Contains(name, "#"):
		return refuse("must not contain '#'")
	case strings.Contains(name, ":"):
		return refuse("must not contain ':'")
	case strings.IndexByte("_-+", name[0]) >= 0:
		return refuse("must not start with '_', '-', or '+'")
	case len(name) > 255:
		return refuse("index name is too long")
	case name == "." || name == "..":
		return refuse("must not be '.' or '..'")
	case strings.ToLower(name) != name:
		return refuse("must be lowercase")
	case !utf8.ValidString(name) || strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return refuse("must be printable text")
	}
	return nil
}
