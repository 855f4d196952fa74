// The types of Kubernetes' own API as referee of manifests.
//
//	manifests           reads manifests, parted by a line of `\x00`, and says of each, in a line, what a strict decoding refuses
//	manifests fields    prints names and types of every field, as core/src/manifest/kubernetes/fields.txt holds them
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"reflect"
	"sort"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/yaml"
)

var kinds = map[string]any{
	"v1/Pod":                       corev1.Pod{},
	"v1/Service":                   corev1.Service{},
	"v1/ConfigMap":                 corev1.ConfigMap{},
	"v1/Secret":                    corev1.Secret{},
	"v1/Namespace":                 corev1.Namespace{},
	"v1/ServiceAccount":            corev1.ServiceAccount{},
	"v1/PersistentVolumeClaim":     corev1.PersistentVolumeClaim{},
	"apps/v1/Deployment":           appsv1.Deployment{},
	"apps/v1/StatefulSet":          appsv1.StatefulSet{},
	"apps/v1/DaemonSet":            appsv1.DaemonSet{},
	"apps/v1/ReplicaSet":           appsv1.ReplicaSet{},
	"batch/v1/Job":                 batchv1.Job{},
	"batch/v1/CronJob":             batchv1.CronJob{},
	"networking.k8s.io/v1/Ingress": networkingv1.Ingress{},
}

func object(kind string) any {
	one, known := kinds[kind]
	if !known {
		return nil
	}
	return reflect.New(reflect.TypeOf(one)).Interface()
}

// What a type is called in the table; a struct is put on the list of those to print.
func called(of reflect.Type, todo *[]reflect.Type) string {
	switch of {
	case reflect.TypeOf(intstr.IntOrString{}):
		return "int-or-text"
	case reflect.TypeOf(resource.Quantity{}):
		return "quantity"
	case reflect.TypeOf(metav1.Time{}), reflect.TypeOf(metav1.MicroTime{}):
		return "text"
	case reflect.TypeOf(metav1.FieldsV1{}):
		return "any"
	case reflect.TypeOf(metav1.Duration{}):
		return "text"
	}
	switch of.Kind() {
	case reflect.Pointer:
		return called(of.Elem(), todo)
	case reflect.String:
		return "text"
	case reflect.Bool:
		return "truth"
	case reflect.Int32, reflect.Int64, reflect.Int, reflect.Uint8:
		return "int"
	case reflect.Slice:
		if of.Elem().Kind() == reflect.Uint8 {
			return "text"
		}
		return "[" + called(of.Elem(), todo)
	case reflect.Map:
		return "{" + called(of.Elem(), todo)
	case reflect.Struct:
		*todo = append(*todo, of)
		return of.Name()
	}
	return "any"
}

func members(of reflect.Type, todo *[]reflect.Type) []string {
	var all []string
	for at := range of.NumField() {
		field := of.Field(at)
		name, rest, _ := strings.Cut(field.Tag.Get("json"), ",")
		if name == "" && (strings.Contains(rest, "inline") || field.Anonymous) {
			all = append(all, members(field.Type, todo)...)
		} else if name != "" && name != "-" {
			all = append(all, name+":"+called(field.Type, todo))
		}
	}
	return all
}

func fields() {
	lines := map[string]bool{}
	var todo []reflect.Type
	for kind, one := range kinds {
		lines[kind+" "+strings.Join(members(reflect.TypeOf(one), &todo), " ")] = true
	}
	seen := map[reflect.Type]bool{}
	for len(todo) > 0 {
		of := todo[0]
		todo = todo[1:]
		if !seen[of] {
			seen[of] = true
			lines[of.Name()+" "+strings.Join(members(of, &todo), " ")] = true
		}
	}
	var sorted []string
	for line := range lines {
		sorted = append(sorted, line)
	}
	sort.Strings(sorted)
	fmt.Println(strings.Join(sorted, "\n"))
}

func judge(text []byte) string {
	for _, document := range bytes.Split(append([]byte("\n"), text...), []byte("\n---")) {
		var kind struct {
			APIVersion string `json:"apiVersion"`
			Kind       string `json:"kind"`
		}
		if err := yaml.Unmarshal(document, &kind); err != nil {
			return err.Error()
		}
		into := object(kind.APIVersion + "/" + kind.Kind)
		if into == nil {
			continue
		}
		// As the API server does: to JSON without a look at the types, and strictly from there.
		data, err := yaml.YAMLToJSONStrict(document)
		if err != nil {
			return err.Error()
		}
		decoder := json.NewDecoder(bytes.NewReader(data))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(into); err != nil {
			return err.Error()
		}
	}
	return ""
}

func main() {
	if len(os.Args) > 1 && os.Args[1] == "fields" {
		fields()
		return
	}
	in, err := io.ReadAll(bufio.NewReader(os.Stdin))
	if err != nil {
		panic(err)
	}
	for _, text := range bytes.Split(in, []byte("\n\x00\n")) {
		fmt.Println(strings.ReplaceAll(judge(text), "\n", " "))
	}
}
