// The referee: Go's own verdict on chains, one JSON object a line in; out a line each: empty when the chain
// is accepted, else Go's words; with names instead of a chain's question a digit for each name.
package main

import (
	"bufio"
	"crypto/x509"
	"encoding/json"
	"os"
	"strings"
	"time"
)

type row struct {
	Leaf          []byte   `json:"leaf"`
	Intermediates [][]byte `json:"intermediates"`
	Roots         [][]byte `json:"roots"`
	At            int64    `json:"at"`
	Name          string   `json:"name"`
	Client        bool     `json:"client"`
	Names         []string `json:"names"`
}

func pool(many [][]byte) *x509.CertPool {
	p := x509.NewCertPool()
	for _, der := range many {
		if c, err := x509.ParseCertificate(der); err == nil {
			p.AddCert(c)
		}
	}
	return p
}

func judge(r row) string {
	leaf, err := x509.ParseCertificate(r.Leaf)
	if err != nil {
		return "unparsed: " + err.Error()
	}
	if r.Names != nil {
		said := make([]byte, len(r.Names))
		for i, name := range r.Names {
			said[i] = '0'
			if leaf.VerifyHostname(name) == nil {
				said[i] = '1'
			}
		}
		return string(said)
	}
	usage := x509.ExtKeyUsageServerAuth
	if r.Client {
		usage = x509.ExtKeyUsageClientAuth
	}
	_, err = leaf.Verify(x509.VerifyOptions{
		DNSName:       r.Name,
		Intermediates: pool(r.Intermediates),
		Roots:         pool(r.Roots),
		CurrentTime:   time.Unix(r.At, 0),
		KeyUsages:     []x509.ExtKeyUsage{usage},
	})
	if err != nil {
		return strings.ReplaceAll(err.Error(), "\n", " ")
	}
	return ""
}

func main() {
	in := json.NewDecoder(bufio.NewReaderSize(os.Stdin, 1<<20))
	out := bufio.NewWriter(os.Stdout)
	defer func() { _ = out.Flush() }()
	for in.More() {
		var r row
		if err := in.Decode(&r); err != nil {
			panic(err)
		}
		if _, err := out.WriteString(judge(r) + "\n"); err != nil {
			panic(err)
		}
	}
}
