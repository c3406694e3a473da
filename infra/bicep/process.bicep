// What a silo and an Api node have in common: how their health is asked for, and how long they may take to stop.

@export()
@description('The port of HTTP inside every container.')
var httpPort = 8080

@export()
@description('The port of Kafka\'s protocol inside an Api node\'s container, and in its environment.')
var kafkaPort = 9092

@export()
@description('Longer than the host itself takes at most to stop, so that it is never killed while it hands over.')
var terminationGraceSeconds = 60

@export()
@description('Live: this process makes progress. Ready: it is a member of the cluster, or reaches it, and takes work.')
var probes = [
  {
    type: 'Startup'
    httpGet: {
      path: '/health/live'
      port: httpPort
      scheme: 'HTTP'
    }
    initialDelaySeconds: 1
    periodSeconds: 2
    timeoutSeconds: 2
    failureThreshold: 60
  }
  {
    type: 'Readiness'
    httpGet: {
      path: '/health/ready'
      port: httpPort
      scheme: 'HTTP'
    }
    initialDelaySeconds: 1
    periodSeconds: 5
    timeoutSeconds: 3
    failureThreshold: 3
  }
  {
    type: 'Liveness'
    httpGet: {
      path: '/health/live'
      port: httpPort
      scheme: 'HTTP'
    }
    initialDelaySeconds: 10
    periodSeconds: 10
    timeoutSeconds: 5
    failureThreshold: 3
  }
]
