using System.Reflection;
using OrleansStream.Cli.Calls;
using OrleansStream.Client;
using OrleansStream.Contracts;
using OrleansStream.Gateway;
using OrleansStream.HttpErrors;
using OrleansStream.Kafka;
using OrleansStream.Log;
using OrleansStream.Records;
using OrleansStream.Rest;
using OrleansStream.Telemetry;

namespace OrleansStream.Tests.Architecture;

/// <summary>Doors know no grain classes, the gateway no door, and the contracts nobody: by what their assemblies refer to.</summary>
public sealed class ProjectGraphTests
{
    private static readonly Assembly Interfaces = typeof(RecordBatchHeader).Assembly;
    private static readonly Assembly Grains = typeof(PartitionLog).Assembly;
    private static readonly Assembly Gateway = typeof(GatewayHosting).Assembly;
    private static readonly Assembly Contracts = typeof(Problem).Assembly;
    private static readonly Assembly HttpErrors = typeof(ErrorMap).Assembly;
    private static readonly Assembly Kafka = typeof(KafkaHosting).Assembly;
    private static readonly Assembly Telemetry = typeof(TelemetryHosting).Assembly;
    private static readonly Assembly Client = typeof(OrleansStreamClient).Assembly;
    private static readonly Assembly CommandLine = typeof(Call).Assembly;
    private static readonly Assembly Rest = typeof(RestHosting).Assembly;

    [Fact]
    public void Projects_ReferToThoseBelowThemOnly()
    {
        Assert.Empty(OwnReferencesOf(Interfaces));
        Assert.Empty(OwnReferencesOf(Contracts));
        Assert.Equal([NameOf(Interfaces)], OwnReferencesOf(Grains));
        Assert.Equal([NameOf(Interfaces)], OwnReferencesOf(Gateway));
        Assert.Equal([NameOf(Gateway), NameOf(Interfaces)], OwnReferencesOf(Kafka));
        Assert.Equal([NameOf(Contracts), NameOf(Interfaces)], OwnReferencesOf(HttpErrors));
        Assert.Equal([NameOf(Gateway), NameOf(Interfaces), NameOf(HttpErrors)], OwnReferencesOf(Telemetry));
        Assert.Equal([NameOf(Contracts), NameOf(Gateway), NameOf(Interfaces), NameOf(HttpErrors)], OwnReferencesOf(Rest));
        // Wire is compiled from the codec's own sources.
        Assert.Equal([NameOf(Contracts), "OrleansStream.Wire"], OwnReferencesOf(Client));
        // No back door: all that it does goes through the client.
        Assert.Equal([NameOf(Client), NameOf(Contracts)], OwnReferencesOf(CommandLine));
    }

    [Fact]
    public void Gateway_KnowsNoHttpAndNoSockets() => Assert.DoesNotContain(
        ReferencesOf(Gateway),
        name => name.StartsWith("Microsoft.AspNetCore", StringComparison.Ordinal) || name is "System.Net.Sockets" or "System.Net.Http" or "System.Text.Json");

    private static string[] OwnReferencesOf(Assembly project) =>
        [.. ReferencesOf(project).Where(name => name.StartsWith("OrleansStream.", StringComparison.Ordinal)).Order(StringComparer.Ordinal)];

    private static IEnumerable<string> ReferencesOf(Assembly project) => project.GetReferencedAssemblies().Select(reference => reference.Name!);

    private static string NameOf(Assembly project) => project.GetName().Name!;
}
