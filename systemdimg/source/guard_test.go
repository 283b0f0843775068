package source

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// A registry that begins to answer and does not go on is not waited for; a blob may take its time.
func TestStalledAnswer(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		w.Write([]byte("{"))
		w.(http.Flusher).Flush()
		select {
		case <-q.Context().Done():
		case <-time.After(3 * time.Second):
		}
	}))
	defer server.Close()
	client := http.Client{Transport: &guard{inner: &http.Transport{}, patience: 200 * time.Millisecond}}
	ask := func(q *http.Request) error {
		a, err := client.Do(q)
		if err != nil {
			return err
		}
		defer a.Body.Close()
		_, err = io.ReadAll(a.Body)
		return err
	}
	q, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := ask(q); !errors.Is(err, errStalled) {
		t.Errorf("a short answer: want it given up, got %v", err)
	}
	if err := ask(q.WithContext(context.WithValue(t.Context(), large{}, true))); err != nil {
		t.Errorf("a long answer: want it waited for, got %v", err)
	}
}
