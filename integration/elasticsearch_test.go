package integration

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/elastic/go-elasticsearch/v8"
	"github.com/elastic/go-elasticsearch/v8/esutil"
	"github.com/opensearch-project/opensearch-go/v4"
	"github.com/opensearch-project/opensearch-go/v4/opensearchapi"
	"github.com/opensearch-project/opensearch-go/v4/opensearchutil"

	"github.com/fapilog/fapilog"
	"github.com/fapilog/fapilog/sink/elasticsearch/estest"
)

// document is one to be created.
type document struct{ id, source string }

// official is a client that the makers of Elasticsearch or OpenSearch maintain. None of
// them can be tried against the real thing here; but they and our sink have to
// agree with the fake.
type official interface {
	// create creates documents with the client's bulk indexer and returns the status and
	// the error's type, "409 version_conflict_engine_exception", of those that failed.
	create(t *testing.T, index string, documents ...document) (failed map[string]string)

	source(t *testing.T, index, id string) (source []byte)
	count(t *testing.T, index string) int
}

// officials are the clients, and what of the fake is to say that it is theirs.
var officials = map[string]struct {
	scheme string
	dial   func(t *testing.T, url string) official
}{
	"elasticsearch": {"elasticsearch", newElastic},
	"opensearch":    {"opensearch", newOpenSearch},
}

// fake starts the fake, which wants a password.
func fake(t *testing.T, product string) (*estest.Server, *httptest.Server) {
	f := &estest.Server{OpenSearch: product == "opensearch", Users: map[string]string{"canaryuser": "canarypassword"}}
	h := httptest.NewServer(f)
	t.Cleanup(h.Close)
	return f, h
}

type elastic struct{ c *elasticsearch.Client }

func newElastic(t *testing.T, url string) official {
	c, err := elasticsearch.NewClient(elasticsearch.Config{Addresses: []string{url}, Username: "canaryuser", Password: "canarypassword", CompressRequestBody: true})
	if err != nil {
		t.Fatal(err)
	}
	return elastic{c}
}

func (e elastic) create(t *testing.T, index string, documents ...document) map[string]string {
	t.Helper()
	indexer, err := esutil.NewBulkIndexer(esutil.BulkIndexerConfig{
		Client: e.c, Index: index, NumWorkers: 1,
		OnError: func(_ context.Context, err error) { t.Errorf("the bulk indexer says %v", err) },
	})
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	failed := make(map[string]string)
	for _, d := range documents {
		err := indexer.Add(t.Context(), esutil.BulkIndexerItem{
			Action: "create", DocumentID: d.id, Body: strings.NewReader(d.source),
			OnFailure: func(_ context.Context, item esutil.BulkIndexerItem, r esutil.BulkIndexerResponseItem, _ error) {
				mu.Lock()
				defer mu.Unlock()
				failed[item.DocumentID] = fmt.Sprint(r.Status, " ", r.Error.Type)
			},
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := indexer.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s := indexer.Stats(); int(s.NumFailed) != len(failed) || int(s.NumCreated) != len(documents)-len(failed) {
		t.Errorf("the bulk indexer counts %+v", s)
	}
	return failed
}

func (e elastic) source(t *testing.T, index, id string) []byte {
	t.Helper()
	answer, err := e.c.Get(index, id)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	var body struct {
		ID     string `json:"_id"`
		Found  bool
		Source json.RawMessage `json:"_source"`
	}
	if err := json.NewDecoder(answer.Body).Decode(&body); err != nil || !body.Found || body.ID != id {
		t.Fatalf("document %s of %s: %s, %v", id, index, answer.Status(), err)
	}
	return body.Source
}

func (e elastic) count(t *testing.T, index string) int {
	t.Helper()
	answer, err := e.c.Count(e.c.Count.WithIndex(index))
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	var body struct{ Count int }
	if err := json.NewDecoder(answer.Body).Decode(&body); err != nil || answer.IsError() {
		t.Fatalf("count of %s: %s, %v", index, answer.Status(), err)
	}
	return body.Count
}

type openSearch struct{ c *opensearchapi.Client }

func newOpenSearch(t *testing.T, url string) official {
	once := false // there is one node, and the fake does not list it
	c, err := opensearchapi.NewClient(opensearchapi.Config{Client: opensearch.Config{
		Addresses: []string{url}, Username: "canaryuser", Password: "canarypassword", CompressRequestBody: true,
		DiscoverNodesOnStart: &once,
	}})
	if err != nil {
		t.Fatal(err)
	}
	return openSearch{c}
}

func (o openSearch) create(t *testing.T, index string, documents ...document) map[string]string {
	t.Helper()
	indexer, err := opensearchutil.NewBulkIndexer(opensearchutil.BulkIndexerConfig{
		Client: o.c, Index: index, NumWorkers: 1,
		OnError: func(_ context.Context, err error) { t.Errorf("the bulk indexer says %v", err) },
	})
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	failed := make(map[string]string)
	for _, d := range documents {
		err := indexer.Add(t.Context(), opensearchutil.BulkIndexerItem{
			Action: "create", DocumentID: d.id, Body: strings.NewReader(d.source),
			OnFailure: func(_ context.Context, item opensearchutil.BulkIndexerItem, r opensearchapi.BulkRespItem, _ error) {
				mu.Lock()
				defer mu.Unlock()
				kind := "without an error"
				if r.Error != nil {
					kind = r.Error.Type
				}
				failed[item.DocumentID] = fmt.Sprint(r.Status, " ", kind)
			},
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := indexer.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s := indexer.Stats(); int(s.NumFailed) != len(failed) || int(s.NumCreated) != len(documents)-len(failed) {
		t.Errorf("the bulk indexer counts %+v", s)
	}
	return failed
}

func (o openSearch) source(t *testing.T, index, id string) []byte {
	t.Helper()
	answer, err := o.c.Document.Get(t.Context(), opensearchapi.DocumentGetReq{Index: index, DocumentID: id})
	if err != nil || !answer.Found || answer.ID != id {
		t.Fatalf("document %s of %s: %v", id, index, err)
	}
	return answer.Source
}

func (o openSearch) count(t *testing.T, index string) int {
	t.Helper()
	answer, err := o.c.Indices.Count(t.Context(), &opensearchapi.IndicesCountReq{Indices: []string{index}})
	if err != nil {
		t.Fatal(err)
	}
	return answer.Count
}

func TestTheFakeElasticsearchSuitsTheOfficialClients(t *testing.T) {
	for product, o := range officials {
		t.Run(product, func(t *testing.T) {
			f, h := fake(t, product)
			c := o.dial(t, h.URL)
			var all []document
			for i, text := range texts {
				source, err := json.Marshal(map[string]any{"n": i, "text": text})
				if err != nil {
					t.Fatal(err)
				}
				all = append(all, document{fmt.Sprintf("id-%d", i), string(source)})
			}
			if failed := c.create(t, "logs", all...); len(failed) != 0 {
				t.Errorf("documents fail: %v", failed)
			}
			for _, d := range all {
				if got := c.source(t, "logs", d.id); !bytes.Equal(got, []byte(d.source)) {
					t.Errorf("%s is %s, want %s", d.id, got, d.source)
				}
			}
			// One that is there already, one that does not fit what the first has made of n,
			// and one that is well.
			failed := c.create(t, "logs", all[3], document{"ill", `{"n":"no number"}`}, document{"well", `{"n":99}`})
			if len(failed) != 2 || failed[all[3].id] != "409 version_conflict_engine_exception" || !strings.HasPrefix(failed["ill"], "400 ") {
				t.Errorf("failures are %v", failed)
			}
			if got, want := c.count(t, "logs"), len(all)+1; got != want || f.Count("logs") != want {
				t.Errorf("the client counts %d documents, the fake %d, want %d", got, f.Count("logs"), want)
			}
		})
	}
}

// The fake's own list is compared record by record; the client reads every 50th.
func TestTheOfficialClientsReadWhatTheSinkHasWritten(t *testing.T) {
	for product, o := range officials {
		t.Run(product, func(t *testing.T) {
			f, h := fake(t, product)
			address, n := strings.TrimPrefix(h.URL, "http://"), records(t)
			p := toServer(t, o.scheme+"://canaryuser:canarypassword@"+address+"?index=logs", fapilog.Delivery{})
			l := load{start: time.Now(), size: 32 << 10}
			for i := range n {
				if err := l.log(p.Handler(), i); err != nil {
					t.Fatal(err)
				}
			}
			flush(t, p)
			c := o.dial(t, h.URL)
			if got := c.count(t, "logs"); got != n {
				t.Errorf("the client counts %d documents of %d", got, n)
			}
			var got []record
			for i, d := range f.Documents() {
				r, err := parse([]byte(d.Source))
				if err != nil {
					t.Fatal(err)
				}
				if i%50 == 0 {
					if read, err := parse(c.source(t, d.Index, d.ID)); err != nil || read != r {
						t.Errorf("%s is %v for the client, want %v: %v", d.ID, read, r, err)
					}
				}
				got = append(got, r)
			}
			l.check(t, got, n, 0)
		})
	}
}
