using System.Text.Json.Nodes;

namespace OrleansStream.Tests.Infra;

/// <summary>The resources that a parameter file would deploy.</summary>
/// <param name="snapshot">What <c>bicep snapshot</c> wrote.</param>
internal sealed class Deployment(JsonObject snapshot)
{
    public IReadOnlyList<JsonObject> Resources { get; } =
        [.. snapshot["predictedResources"]!.AsArray().Select(resource => resource!.AsObject())];

    public JsonObject Outputs { get; } = snapshot["outputs"]!.AsObject();

    public IReadOnlyList<ContainerApp> Silos => [.. Apps.Where(app => app.ContainerName == "silo")];

    public ContainerApp Api => Assert.Single(Apps, app => app.ContainerName == "api");

    public IReadOnlyList<ContainerApp> Apps => [.. OfType("Microsoft.App/containerApps").Select(app => new ContainerApp(app))];

    public IReadOnlyList<JsonObject> OfType(string type) =>
        [.. Resources.Where(resource => resource["type"]!.GetValue<string>() == type)];

    public JsonNode PropertiesOf(string type) => Assert.Single(OfType(type))["properties"]!;

    public JsonNode PropertiesOf(string type, string nameEnd) =>
        Assert.Single(OfType(type), resource => resource["name"]!.GetValue<string>().EndsWith(nameEnd, StringComparison.Ordinal))["properties"]!;
}

/// <summary>One app of Container Apps.</summary>
/// <param name="resource">Its resource.</param>
internal sealed class ContainerApp(JsonObject resource)
{
    public string Name { get; } = resource["name"]!.GetValue<string>();

    public JsonNode Properties { get; } = resource["properties"]!;

    public JsonNode Ingress => Properties["configuration"]!["ingress"]!;

    public JsonNode Scale => Properties["template"]!["scale"]!;

    public string ContainerName => Container["name"]!.GetValue<string>();

    public JsonNode Container => Assert.Single(Properties["template"]!["containers"]!.AsArray())!;

    public IEnumerable<JsonNode> Probes => Container["probes"]!.AsArray().Select(probe => probe!);

    /// <summary>The port the process listens on for HTTP, by its own settings.</summary>
    public int HttpPort => new Uri(Environment["URLS"].Replace("+", "localhost", StringComparison.Ordinal)).Port;

    public IReadOnlyDictionary<string, string> Environment => Container["env"]!.AsArray()
        .ToDictionary(setting => setting!["name"]!.GetValue<string>(), setting => setting!["value"]!.GetValue<string>());
}
