#!/bin/sh
# Installs certmount with what the cluster can do. Needs nothing but kubectl.
set -eu

usage() {
  cat <<'END'
usage: deploy/install.sh [OPTION]…

Asks the cluster what it serves, and applies deploy and daemonset with the components that go with it.

  --image IMAGE       the image to run, as in registry.example/certmount:v1; by default the one that runs already
  --component PATH    a further component, as in daemonset/k0s or deploy/approve-pods; may be given several times
  --driver-only       the driver alone, beside cert-manager, whose controller signs
  --with-inject       volumes for pods and namespaces annotated certmount.io/inject: "true"
  --replace-crds      takes the CRDs of cert-manager, trust-manager or approver-policy over, where they are installed
  --dry-run           prints what would be applied, and changes nothing
  --help              prints this

kubectl goes to the cluster of its current context; KUBECONFIG and the variable KUBECTL (the program) are heeded.
END
}

fail() {
  echo "install.sh: $*" >&2
  exit 1
}

image=
components=
inject=no
driver_only=no
replace_crds=no
dry_run=no
while [ $# -gt 0 ]; do
  case $1 in
    --image | --image=* | --component | --component=*)
      option=${1%%=*}
      case $1 in
        *=*) value=${1#*=} ;;
        *)
          [ $# -ge 2 ] || fail "$option needs a value"
          shift
          value=$1
          ;;
      esac
      # A variable that is not set, or an option in the place of the value.
      case $value in
        '' | -*) fail "$option \"$value\": needs a value" ;;
      esac
      if [ "$option" = --image ]; then image=$value; else components="$components $value"; fi
      ;;
    --driver-only) driver_only=yes ;;
    --with-inject) inject=yes ;;
    --replace-crds) replace_crds=yes ;;
    --dry-run) dry_run=yes ;;
    -h | --help)
      usage
      exit 0
      ;;
    *) fail "unknown option \"$1\"; --help lists what there is" ;;
  esac
  shift
done

root=$(cd "$(dirname "$0")/.." && pwd -P)
kubectl=${KUBECTL:-kubectl}
command -v "$kubectl" >/dev/null || fail "$kubectl is not installed"
# As registries have it: host and port, path in lower case, tag and digest.
part='[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*'
reference="([A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:[0-9]+)?/)?$part(/$part)*(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(@sha256:[a-f0-9]{64})?"
[ -z "$image" ] || printf '%s' "$image" | tr '\n' ' ' | grep -Exq "$reference" ||
  fail "--image \"$image\": is not the name of an image: it must be as in registry.example/certmount:v1, or with @sha256: and 64 digits behind it"
for component in $components; do
  case $component in
    deploy/inject-kustomize) fail "--component $component: it is for the kustomizations of workloads, and does nothing here; see docs/inject.md" ;;
    deploy/*/* | daemonset/*/* | *..*) known=no ;;
    deploy/?* | daemonset/?*) known=yes ;;
    *) known=no ;;
  esac
  [ "$known" = yes ] && [ -f "$root/${component%%/*}/components/${component#*/}/kustomization.yaml" ] ||
    fail "--component \"$component\": there is no such component; there are$(
      cd "$root" && for file in deploy/components/*/ daemonset/components/*/; do
        file=${file%/}
        [ "$file" = deploy/components/inject-kustomize ] || printf ' %s' "${file%%/*}/${file##*/}"
      done
    )"
  case $driver_only$component in
    yesdeploy/*) fail "--component $component: --driver-only takes those of daemonset alone, and --with-inject" ;;
  esac
done
[ "$driver_only$replace_crds" != yesyes ] || fail "--replace-crds: --driver-only brings no CRDs"

# Says on standard error what was found, so that a dry run can be piped on.
say() { echo "$*" >&2; }

"$kubectl" version >/dev/null 2>&1 || fail "no answer from the cluster; \"$kubectl version\" says why"

# Whether the cluster serves a resource: GROUP/VERSION PLURAL. What is not known for lack of an answer is not taken for a no.
served() {
  if answer=$("$kubectl" get --raw "/apis/$1" 2>&1); then
    echo "$answer" | grep -q "\"name\": *\"$2\""
  else
    case $answer in
      *NotFound*) return 1 ;;
      *) fail "the cluster does not say what it serves of $1: $answer" ;;
    esac
  fi
}

# Sets `version` to the first of the versions in which the cluster serves a resource of a group: GROUP PLURAL VERSION…
find_version() {
  group=$1
  plural=$2
  shift 2
  for version; do
    if served "$group/$version" "$plural"; then return; fi
  done
  return 1
}

# CRDs of others are theirs: cert-manager's controller may run on them, and certmount's would answer the same requests. Sets
# `taken` to those that certmount has too.
find_taken() {
  others=$("$kubectl" get customresourcedefinitions -l 'app.kubernetes.io/part-of!=certmount' -o name) ||
    fail "the cluster does not say which CRDs it has"
  for crd in "$root"/deploy/crds/*.yaml; do
    file=$(basename "$crd" .yaml)
    name=${file#*_}.${file%%_*}
    case "$others
" in
      *"/$name
"*) taken="$taken $name" ;;
    esac
  done
}
taken=
if [ "$driver_only" = yes ]; then
  served cert-manager.io/v1 certificaterequests ||
    fail "--driver-only: the cluster does not serve CertificateRequest of cert-manager.io/v1: install cert-manager first, or leave --driver-only out to have certmount's own controller"
else
  find_taken
fi
if [ -n "$taken" ]; then
  [ "$replace_crds" = yes ] || fail "the cluster has CRDs of somebody else, such as cert-manager:$taken
They would be replaced, and certmount's controller would sign beside the one that they belong to.
For the driver alone, with cert-manager's controller: --driver-only
To replace them: --replace-crds"
  say "CRDs of somebody else are replaced:$taken"
fi

# Sets `running` to the image of a workload: KIND/NAME; empty where there is none.
find_image() {
  running=$("$kubectl" get -n certmount "$1" --ignore-not-found \
    -o 'jsonpath={.spec.template.spec.containers[0].image}') || fail "the cluster does not say what runs: $1"
}
controller_image=$image
driver_image=$image
if [ -z "$image" ]; then
  find_image deployment/certmount-controller
  controller_image=$running
  find_image daemonset/certmount-driver
  driver_image=${running:-$controller_image}
  controller_image=${controller_image:-$driver_image}
  [ -n "$driver_image" ] || fail "--image must be given: none runs yet"
  [ "$driver_only" = no ] || controller_image=$driver_image
  say "image: $controller_image$([ "$controller_image" = "$driver_image" ] || echo ", of the driver $driver_image"), as it runs"
fi

admission=admissionregistration.k8s.io
served "$admission/v1" validatingadmissionpolicies ||
  fail "the cluster does not serve ValidatingAdmissionPolicy of $admission/v1: Kubernetes 1.30 or newer is needed"
deploy_components=
daemonset_components=
mutating=no
if served "$admission/v1" mutatingadmissionpolicies; then mutating=yes; fi

# Sets `deploy_components` to those that the cluster can have, and says what the controller does with it.
look_for_controller() {
  say "ValidatingAdmissionPolicy: served, so requests and their approval are checked at admission"
  if [ "$mutating" = yes ]; then
    deploy_components=mutating-identity
    say "MutatingAdmissionPolicy: served, so the API server fills in who makes a request"
  else
    say "MutatingAdmissionPolicy: not served as v1, so the driver fills in who makes a request, and others have to"
  fi
  if find_version certificates.k8s.io podcertificaterequests v1 v1beta1; then
    say "PodCertificateRequest: served as $version, so the controller signs pod certificates"
  else
    say "PodCertificateRequest: not served, so there are no pod certificates"
  fi
  if find_version certificates.k8s.io clustertrustbundles v1 v1beta1; then
    say "ClusterTrustBundle: served as $version, so the controller publishes trust anchors in it"
  else
    say "ClusterTrustBundle: not served, so trust anchors are in volumes and targets of bundles only"
  fi
}
[ "$driver_only" = yes ] || look_for_controller
if [ "$inject" = yes ]; then
  [ "$mutating" = yes ] ||
    fail "--with-inject needs MutatingAdmissionPolicy of $admission/v1, which the cluster does not serve; docs/inject.md says how to do without"
  [ -d "$root/deploy/components/inject" ] || fail "--with-inject: deploy/components/inject is missing"
  if [ "$driver_only" = yes ]; then daemonset_components=deploy/inject; else deploy_components="$deploy_components inject"; fi
fi
# One that is there already, since the cluster serves what it needs, is not taken twice.
for component in $components; do
  name=${component#*/}
  case $component in
    deploy/*) case " $deploy_components " in *" $name "*) ;; *) deploy_components="$deploy_components $name" ;; esac ;;
    *) case " $daemonset_components " in *" $name "*) ;; *) daemonset_components="$daemonset_components $name" ;; esac ;;
  esac
done
case " $daemonset_components " in
  *' token-in-context '*) ;;
  *' token-request '*)
    field=csidriver.spec.serviceAccountTokenInSecrets
    if answer=$("$kubectl" explain "$field" 2>&1); then
      say "$field: known, so the kubelet hands tokens over as secrets"
    else
      case $answer in
        *'does not exist'*) ;;
        *) fail "the cluster does not say whether it knows $field: $answer" ;;
      esac
      daemonset_components="$daemonset_components token-in-context"
      say "$field: not known, so the kubelet hands tokens over in the volume's context"
    fi
    ;;
esac

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

# A kustomization of a base with an image and components, of this base or as in deploy/inject: BASE IMAGE COMPONENT…; prints
# its folder. Kustomize takes no absolute paths.
overlay() {
  base=$1
  image=$2
  shift 2
  mkdir "$work/$base"
  up=$(cd "$work/$base" && pwd -P | sed 's#/[^/]*#../#g')
  from=${up%/}$root
  {
    echo 'apiVersion: kustomize.config.k8s.io/v1beta1'
    echo 'kind: Kustomization'
    printf 'resources: ["%s/%s"]\n' "$from" "$base"
    echo 'components:'
    for component; do
      of=${component%/*}
      [ "$of" != "$component" ] || of=$base
      printf '  - "%s/%s/components/%s"\n' "$from" "$of" "${component##*/}"
    done
    images
  } >"$work/$base/kustomization.yaml"
  echo "$work/$base"
}

# The image's part of a kustomization.
images() {
  name=${image%%@*}
  echo 'images:'
  echo '  - name: certmount'
  case $image in
    *@*) printf '    newName: "%s"\n    digest: "%s"\n' "$name" "${image#*@}" ;;
    *)
      # A colon before a slash is of the registry's port.
      case ${name##*/} in
        *:*) printf '    newName: "%s"\n    newTag: "%s"\n' "${name%:*}" "${name##*:}" ;;
        *) printf '    newName: "%s"\n    newTag: latest\n' "$name" ;;
      esac
      ;;
  esac
}

# Unquoted, because each word is a component.
# shellcheck disable=SC2086
[ "$driver_only" = yes ] || deploy=$(overlay deploy "$controller_image" $deploy_components)
# shellcheck disable=SC2086
daemonset=$(overlay daemonset "$driver_image" $daemonset_components)

# kubectl gives up at once on a definition whose conditions are null, as they are in its first moment.
established() {
  for pause in 1 1 2 4 ''; do
    if message=$("$kubectl" wait --for=condition=Established --timeout=60s -f "$1" 2>&1 >/dev/null); then
      return
    fi
    [ -z "$pause" ] || sleep "$pause"
  done
  fail "$message"
}

if [ "$dry_run" = yes ]; then
  if [ "$driver_only" = no ]; then
    "$kubectl" kustomize "$deploy"
    echo ---
  fi
  "$kubectl" kustomize "$daemonset"
else
  if [ "$driver_only" = no ]; then
    # Objects of these kinds may be among the manifests, and are taken only when the kinds are there.
    "$kubectl" apply -f "$root/deploy/crds"
    for crd in "$root"/deploy/crds/*.yaml; do
      established "$crd"
    done
    "$kubectl" apply -k "$deploy"
  fi
  "$kubectl" apply -k "$daemonset"
fi
verb=applied
[ "$dry_run" = no ] || verb='would apply'
[ "$driver_only" = yes ] || verb="$verb deploy${deploy_components:+ with }$(echo $deploy_components),"
say "$verb daemonset${daemonset_components:+ with }$(echo $daemonset_components)"
