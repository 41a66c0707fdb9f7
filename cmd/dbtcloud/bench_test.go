package main

import (
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/slimci/dbtcloud/dbtcloudtest"
)

// BenchmarkStart measures the command as it is released: how long it takes to tell its version, and in ci run the time from
// the start of the process to the arrival of the trigger, without what the API needed for its answers.
func BenchmarkStart(b *testing.B) {
	binary := released(b)
	b.Run("version", func(b *testing.B) {
		var took []time.Duration
		for b.Loop() {
			begun := time.Now()
			if out, err := exec.Command(binary, "--version").Output(); err != nil || string(out) != "dbtcloud version v0.0.0-bench\n" {
				b.Fatalf("%q, %v", out, err)
			}
			took = append(took, time.Since(begun))
		}
		reportMedian(b, took, "ms")
		info, err := os.Stat(binary)
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(info.Size()), "binary-bytes")
	})
	b.Run("trigger, HTTP", func(b *testing.B) { benchmarkTrigger(b, binary, httptest.NewServer) })
	b.Run("trigger, TLS", func(b *testing.B) { benchmarkTrigger(b, binary, httptest.NewTLSServer) })
}

func benchmarkTrigger(b *testing.B, binary string, serve func(http.Handler) *httptest.Server) {
	s := dbtcloudtest.New(dbtcloudtest.WithRunTime(func(dbtcloudtest.Run) dbtcloudtest.Outcome { return dbtcloudtest.Outcome{} }))
	server := serve(s)
	b.Cleanup(server.Close)
	env := append(os.Environ(), "DBT_CLOUD_SERVICE_TOKEN="+s.Token(), "DBT_CLOUD_ACCOUNT_ID="+id(s.AccountID()),
		"DBT_CLOUD_HOST="+server.URL, "JOB_ID="+id(s.AddJob(dbtcloudtest.JobSpec{})), "SSL_CERT_FILE="+bundle(b, server))
	for name, value := range eventVars(b, "github/pull_request") {
		env = append(env, name+"="+value)
	}
	var total, beyond []time.Duration
	requests := 0
	for b.Loop() {
		cmd, earlier := exec.Command(binary, "ci", "run", "--no-wait", "--report=off"), len(s.Requests())
		cmd.Env = env
		begun := time.Now()
		if out, err := cmd.CombinedOutput(); err != nil {
			b.Fatalf("%v\n%s", err, out)
		}
		at, answering, before := toTrigger(b, s.Requests()[earlier:])
		requests += before
		total, beyond = append(total, at.Sub(begun)), append(beyond, at.Sub(begun)-answering)
	}
	reportMedian(b, total, "ms-to-trigger")
	reportMedian(b, beyond, "ms-beyond-answers")
	b.ReportMetric(float64(requests)/float64(b.N), "requests-before")
}

// toTrigger is when the trigger arrived, how long answers were being made before, and to how many requests.
func toTrigger(b *testing.B, requests []dbtcloudtest.Request) (at time.Time, answering time.Duration, before int) {
	b.Helper()
	var until time.Time // requests overlap
	for i, r := range requests {
		if strings.HasSuffix(r.Operation, "/run/") && r.Method == http.MethodPost {
			return r.At, answering, i
		}
		end := r.At.Add(r.Duration)
		answering += max(0, end.Sub(later(r.At, until)))
		until = later(end, until)
	}
	b.Fatal("nothing was triggered")
	return at, 0, 0
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// released builds the command as .ci/release does.
func released(b *testing.B) string {
	b.Helper()
	binary := filepath.Join(b.TempDir(), "dbtcloud")
	build := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w -X main.release=v0.0.0-bench", "-o", binary, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off")
	if out, err := build.CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	return binary
}

// bundle is a file with the certificate of the server; without TLS there is none in it.
func bundle(b *testing.B, server *httptest.Server) string {
	b.Helper()
	var certificate []byte
	if c := server.Certificate(); c != nil {
		certificate = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})
	}
	path := filepath.Join(b.TempDir(), "bundle.pem")
	if err := os.WriteFile(path, certificate, 0o600); err != nil {
		b.Fatal(err)
	}
	return path
}

func reportMedian(b *testing.B, took []time.Duration, unit string) {
	slices.Sort(took)
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, unit)
}
