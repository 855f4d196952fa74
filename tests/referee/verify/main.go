// The referee: Go's own verdict on the chains of the table, as JSON from stdin to stdout.
package main

import (
	"crypto/x509"
	"encoding/json"
	"os"
	"time"
)

type row struct {
	Leaf          []byte   `json:"leaf"`
	Intermediates [][]byte `json:"intermediates"`
	Roots         [][]byte `json:"roots"`
	At            int64    `json:"at"`
	Name          string   `json:"name"`
	Client        bool     `json:"client"`
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

func main() {
	var rows []row
	if err := json.NewDecoder(os.Stdin).Decode(&rows); err != nil {
		panic(err)
	}
	verdicts := []bool{}
	for _, r := range rows {
		leaf, err := x509.ParseCertificate(r.Leaf)
		if err == nil {
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
		}
		verdicts = append(verdicts, err == nil)
	}
	if err := json.NewEncoder(os.Stdout).Encode(verdicts); err != nil {
		panic(err)
	}
}
