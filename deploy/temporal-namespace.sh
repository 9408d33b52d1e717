#!/bin/sh
# Waits for the server, then makes the namespace and our search attributes where they are missing.
set -eu
until temporal operator cluster health --address "$TEMPORAL_ADDRESS"; do sleep 2; done
temporal operator namespace describe -n default --address "$TEMPORAL_ADDRESS" \
    || temporal operator namespace create -n default --retention 720h --address "$TEMPORAL_ADDRESS"
known=$(temporal operator search-attribute list --address "$TEMPORAL_ADDRESS")
for pair in GaelpExperiment:Keyword GaelpPhase:Keyword GaelpStatus:Keyword GaelpSpendMicros:Int GaelpAwaiting:Bool; do
    name=${pair%%:*}
    case $known in *"$name"*) continue ;; esac
    temporal operator search-attribute create --name "$name" --type "${pair##*:}" --address "$TEMPORAL_ADDRESS"
done
