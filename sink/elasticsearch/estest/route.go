package estest

import (
	"encoding/json"
	"net/http"
	"path"
	"strings"
)

// route answers a request that may come in.
func (s *Server) route(x *exchange) {
	segments := strings.Split(strings.Trim(x.r.URL.Path, "/"), "/")
	index := ""
	if !strings.HasPrefix(segments[0], "_") && len(segments) > 1 {
		index, segments = segments[0], segments[1:]
	}
	method := x.r.Method
	reads := method == http.MethodGet || method == http.MethodHead
	switch {
	case len(segments) == 1 && segments[0] == "" && reads:
		s.info(x)
	case len(segments) == 1 && segments[0] == "_bulk" && (method == http.MethodPost || method == http.MethodPut):
		s.bulk(x, index)
	case len(segments) == 2 && segments[0] == "_doc" && index != "" && reads:
		s.get(x, index, segments[1])
	case len(segments) == 1 && segments[0] == "_count" && (reads || method == http.MethodPost):
		s.count(x, index)
	case len(segments) == 1 && segments[0] == "_refresh" && (reads || method == http.MethodPost):
		x.reply(http.StatusOK, map[string]any{"_shards": shards()})
	default:
		x.fail(notHere(method + " " + x.r.URL.Path))
	}
}

func shards() map[string]any { return map[string]any{"total": 2, "successful": 1, "failed": 0} }

func (s *Server) info(x *exchange) {
	if f := x.parameters(); f != nil {
		x.fail(f)
		return
	}
	version := map[string]any{
		"number": "8.17.0", "build_flavor": "default", "build_type": "docker", "lucene_version": "9.12.0",
		"minimum_wire_compatibility_version": "7.17.0", "minimum_index_compatibility_version": "7.0.0",
	}
	tagline := "You Know, for Search"
	if s.OpenSearch {
		version["number"], version["distribution"] = "2.18.0", "opensearch"
		tagline = "The OpenSearch Project: https://opensearch.org/"
	}
	x.reply(http.StatusOK, map[string]any{
		"name": "estest", "cluster_name": "estest", "cluster_uuid": "AAAAAAAAQACAAAAAAAAAAA", "version": version, "tagline": tagline,
	})
}

func (s *Server) get(x *exchange, name, id string) {
	if f := x.parameters("realtime", "refresh", "routing", "preference"); f != nil {
		x.fail(f)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	ix := s.indices[name]
	if ix == nil {
		x.fail(noIndex(name))
		return
	}
	d, ok := ix.documents[id]
	if !ok {
		x.reply(http.StatusNotFound, map[string]any{"_index": ix.backing, "_id": id, "found": false})
		return
	}
	x.reply(http.StatusOK, map[string]any{
		"_index": ix.backing, "_id": id, "_version": d.version, "_seq_no": d.seq, "_primary_term": 1, "found": true, "_source": json.RawMessage(d.source),
	})
}

func (s *Server) count(x *exchange, name string) {
	if x.r.ContentLength != 0 {
		x.fail(notHere("queries"))
		return
	}
	if f := x.parameters("ignore_unavailable", "allow_no_indices"); f != nil {
		x.fail(f)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if name == "" {
		name = "*"
	}
	n, found := 0, strings.Contains(name, "*")
	for known, ix := range s.indices {
		if ok, err := path.Match(name, known); err == nil && ok {
			n, found = n+len(ix.documents), true
		}
	}
	if !found {
		x.fail(noIndex(name))
		return
	}
	x.reply(http.StatusOK, map[string]any{"count": n, "_shards": shards()})
}
