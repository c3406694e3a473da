using System.Security.Cryptography.X509Certificates;
using Azure.Core;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using OrleansStream.Client.Connections;
using OrleansStream.Client.Serialization;
using OrleansStream.Client.Telemetry;

namespace OrleansStream.Client;

/// <summary>The settings of a client. They are read when it is made.</summary>
public sealed class OrleansStreamClientOptions
{
    /// <summary>
    /// The base addresses of the service's nodes, such as <c>http://localhost:8080</c>. Each node serves every request, so one address that leads to
    /// all of them is enough. With several, the client goes on to the next when one does not answer.
    /// </summary>
    public IList<Uri> Endpoints { get; init; } = [];

    /// <summary>An API key; null for none.</summary>
    public string? ApiKey { get; set; }

    /// <summary>Gets tokens, such as a managed identity's; null for none. <see cref="Scope"/> goes with it.</summary>
    public TokenCredential? Credential { get; set; }

    /// <summary>What the tokens are for: the service's application, such as <c>api://orleansstream/.default</c>.</summary>
    public string? Scope { get; set; }

    /// <summary>A certificate by which the client signs in; null for none.</summary>
    public X509Certificate2? ClientCertificate { get; set; }

    /// <summary>The identity for the service's quotas where nobody signs in; null for the client's address.</summary>
    public string? ClientId { get; set; }

    /// <summary>The longest that one try of a request may take. Default 60 s: the service itself tries to store a batch for 25 s.</summary>
    public TimeSpan RequestTimeout { get; set; } = TimeSpan.FromSeconds(60);

    /// <summary>How values become bytes.</summary>
    public ValueSerializers Serializers { get; } = new();

    /// <summary>Sends requests in place of the client's own connections; null for these. The client does not dispose it.</summary>
    public HttpMessageHandler? HttpHandler { get; set; }

    /// <summary>Makes the log that is told of troubles and changes; null for none. A program with a host gives its own.</summary>
    public ILoggerFactory? LoggerFactory { get; set; }

    /// <summary>The clock. Default the system's.</summary>
    public TimeProvider TimeProvider { get; set; } = TimeProvider.System;

    /// <summary>What is wrong with the settings; empty when they are right.</summary>
    internal IEnumerable<string> Faults()
    {
        if (Endpoints.Count == 0)
            yield return $"{nameof(Endpoints)} needs the address of a node, such as http://localhost:8080.";
        foreach (var endpoint in Endpoints)
        {
            // What stands there may be a password, so it is not shown.
            if (endpoint is { IsAbsoluteUri: true, UserInfo.Length: > 0 })
                yield return $"{nameof(Endpoints)} has an address with a user or a password, which is not sent: sign in with {nameof(ApiKey)}, {nameof(Credential)} or {nameof(ClientCertificate)}.";
            else if (endpoint is not { IsAbsoluteUri: true, Scheme: "http" or "https", Query: "", Fragment: "" })
                yield return $"{nameof(Endpoints)} has '{endpoint}'; an address begins with http:// or https:// and has no query.";
        }

        if ((Credential is null) != (Scope is null))
            yield return $"{nameof(Credential)} and {nameof(Scope)} go together.";
        if (Credential is not null && ApiKey is not null)
            yield return $"{nameof(ApiKey)} and {nameof(Credential)} are two ways to sign in; set one of them.";
        if (ClientCertificate is not null && HttpHandler is not null)
            yield return $"{nameof(ClientCertificate)} belongs to the client's own connections; with {nameof(HttpHandler)} set it there.";
        if (RequestTimeout < TimeSpan.FromSeconds(1) || RequestTimeout > TimeSpan.FromHours(1))
            yield return $"{nameof(RequestTimeout)} must be from 1 second to 1 hour.";
    }

    internal ConnectionSettings Settings() => new(
        [.. Endpoints.Select(endpoint => endpoint.AbsoluteUri.EndsWith('/') ? endpoint : new Uri(endpoint.AbsoluteUri + "/"))], TimeProvider)
    {
        ApiKey = ApiKey,
        Credential = Credential,
        Scope = Scope,
        Certificate = ClientCertificate,
        ClientId = ClientId,
        Handler = HttpHandler,
        TryMax = RequestTimeout,
        Log = LoggerFactory is { } factory ? new GuardedLog(factory.CreateLogger(ClientTelemetry.Name)) : NullLogger.Instance,
    };
}
