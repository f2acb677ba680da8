// Mutual TLS with the certificate of a volume: mtls VOLUME ADDRESS:PORT
package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log"
	"net/http"
	"os"
	"path/filepath"
	"sync"
)

// Identity gives the TLS configuration of the volume's present generation. Each handshake asks, which costs one
// readlink; files are read only when `..data` leads elsewhere than before. Nothing is watched, nothing runs in between.
type Identity struct {
	volume string

	mutex      sync.Mutex
	generation string
	config     *tls.Config
}

// Config keeps what is in use when the files cannot be read.
func (identity *Identity) Config() (*tls.Config, error) {
	identity.mutex.Lock()
	defer identity.mutex.Unlock()
	generation, err := os.Readlink(filepath.Join(identity.volume, "..data"))
	if err == nil && generation == identity.generation {
		return identity.config, nil
	}
	var config *tls.Config
	if err == nil {
		config, err = load(filepath.Join(identity.volume, generation))
	}
	if err == nil {
		identity.generation, identity.config = generation, config
	} else if identity.config != nil {
		log.Printf("keeping the certificate in use: %v", err)
		err = nil
	}
	return identity.config, err
}

// load reads one generation's folder, not the names in the volume: those may lead to the next one between two files.
func load(folder string) (*tls.Config, error) {
	certificate, err := tls.LoadX509KeyPair(filepath.Join(folder, "tls.crt"), filepath.Join(folder, "tls.key"))
	if err != nil {
		return nil, err
	}
	anchors, err := os.ReadFile(filepath.Join(folder, "ca.crt"))
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(anchors) {
		return nil, errors.New("ca.crt has no certificate")
	}
	return &tls.Config{
		Certificates: []tls.Certificate{certificate},
		ClientAuth:   tls.RequireAndVerifyClientCert,
		ClientCAs:    pool,
		RootCAs:      pool, // for connections that this program makes
		NextProtos:   []string{"h2", "http/1.1"},
	}, nil
}

func main() {
	if len(os.Args) != 3 {
		log.Fatal("usage: mtls VOLUME ADDRESS:PORT")
	}
	identity := &Identity{volume: os.Args[1]}
	if _, err := identity.Config(); err != nil {
		log.Fatal(err)
	}
	server := &http.Server{
		Addr: os.Args[2],
		Handler: http.HandlerFunc(func(response http.ResponseWriter, request *http.Request) {
			fmt.Fprintf(response, "hello %v\n", request.TLS.PeerCertificates[0].URIs)
		}),
		TLSConfig: &tls.Config{
			GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return identity.Config() },
		},
	}
	log.Fatal(server.ListenAndServeTLS("", ""))
}
