// The referee of parsing: one hexadecimal certificate a line in, `1` (Go parses it) or `0` out.
package main

import (
	"bufio"
	"crypto/x509"
	"encoding/hex"
	"os"
)

func main() {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(make([]byte, 1<<20), 1<<20)
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	for lines.Scan() {
		der, err := hex.DecodeString(lines.Text())
		if err == nil {
			_, err = x509.ParseCertificate(der)
		}
		if err == nil {
			_ = out.WriteByte('1')
		} else {
			_ = out.WriteByte('0')
		}
	}
}
