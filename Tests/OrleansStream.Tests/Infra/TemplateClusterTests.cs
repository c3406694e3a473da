using System.Net;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Configuration;
using Orleans.Configuration;
using OrleansStream.Hosting;
using OrleansStream.Tests.Support;

namespace OrleansStream.Tests.Infra;

/// <summary>The processes of the template, held against the code that they run.</summary>
[Collection(TemplateCollection.Name)]
public sealed class TemplateClusterTests(TemplateFixture templates)
{
    private const string PrivateAddress = "10.42.0.200";
    private const string BlobService = "https://account.blob.example/";

    // Those of the doors, which TemplateSecurityTests and TemplateKafkaTests read.
    private static readonly string[] OtherSections = ["Security__", "Kafka__"];

    public static TheoryData<string> Environments => ["prod", "dev", "upgrade"];

    [Fact]
    public void Silos_InProduction_AreThreeOrMore()
    {
        Assert.True(templates.Production.Silos.Count >= 3);
        Assert.True(templates.Production.Api.Scale["minReplicas"]!.GetValue<int>() >= 2);
    }

    [Fact]
    public void Silos_DuringAnUpgrade_AreTwoFullSetsOfTheirOwnVersions()
    {
        var silos = templates.Upgrading.Silos;
        Assert.Equal(2 * templates.Production.Silos.Count, silos.Count);
        var bySet = silos.ToLookup(silo => silo.Name.Contains("-silo-a", StringComparison.Ordinal));
        Assert.All(bySet[true], silo => Assert.EndsWith("'1')]", silo.Container["image"]!.GetValue<string>(), StringComparison.Ordinal));
        Assert.All(bySet[false], silo => Assert.EndsWith("'2')]", silo.Container["image"]!.GetValue<string>(), StringComparison.Ordinal));
    }

    [Theory]
    [MemberData(nameof(Environments))]
    public void Silos_EachOne_HasOneReplicaAndPortsOfItsOwn(string environment)
    {
        var silos = Of(environment).Silos;
        Assert.NotEmpty(silos);
        Assert.All(silos, silo => Assert.Equal(
            (1, 1), (silo.Scale["minReplicas"]!.GetValue<int>(), silo.Scale["maxReplicas"]!.GetValue<int>())));
        int[] ports = [.. silos.SelectMany(silo => new[] { silo.Ingress, Gateway(silo) }).Select(port => port["exposedPort"]!.GetValue<int>())];
        Assert.Equal(ports.Length, ports.Distinct().Count());
        // Container Apps keeps this one for itself.
        Assert.DoesNotContain(36985, ports);
    }

    [Theory]
    [MemberData(nameof(Environments))]
    public void Silos_Ports_ArePrivateToTheNetwork(string environment)
    {
        var deployment = Of(environment);
        Assert.True(deployment.PropertiesOf("Microsoft.App/managedEnvironments", "-silo-env")["vnetConfiguration"]!["internal"]!.GetValue<bool>());
        Assert.All(deployment.Silos, silo =>
        {
            Assert.Contains("'siloEnvironment'", silo.Properties["environmentId"]!.GetValue<string>(), StringComparison.Ordinal);
            Assert.Equal("tcp", silo.Ingress["transport"]!.GetValue<string>());
        });
        var rules = deployment.PropertiesOf("Microsoft.Network/networkSecurityGroups", "-silo-nsg")["securityRules"]!.AsArray();
        string[] allowed = [.. rules.Where(rule => rule!["properties"]!["access"]!.GetValue<string>() == "Allow")
            .SelectMany(rule => Sources(rule!["properties"]!)).Order(StringComparer.Ordinal)];
        Assert.Equal(["10.42.0.0/24", "10.42.1.0/24", "AzureLoadBalancer"], allowed);
    }

    [Theory]
    [MemberData(nameof(Environments))]
    public void Silos_Settings_AreThoseOfTheCodeAndOpenTheIngressPorts(string environment) =>
        Assert.All(Of(environment).Silos, silo =>
        {
            var options = Bind(silo);
            var endpoints = new EndpointOptions();
            SiloEndpoints.Configure(endpoints, options);

            Assert.Equal(IPAddress.Parse(PrivateAddress), endpoints.AdvertisedIPAddress);
            Assert.Equal(silo.Ingress["exposedPort"]!.GetValue<int>(), endpoints.SiloPort);
            Assert.Equal(Gateway(silo)["exposedPort"]!.GetValue<int>(), endpoints.GatewayPort);
            Assert.Equal(new IPEndPoint(IPAddress.Any, silo.Ingress["targetPort"]!.GetValue<int>()), endpoints.SiloListeningEndpoint);
            Assert.Equal(new IPEndPoint(IPAddress.Any, Gateway(silo)["targetPort"]!.GetValue<int>()), endpoints.GatewayListeningEndpoint);
        });

    [Fact]
    public void Silos_FirstOne_HasTheDefaultPorts()
    {
        var first = templates.Production.Silos[0];
        Assert.Equal(EndpointOptions.DEFAULT_SILO_PORT, first.Ingress["exposedPort"]!.GetValue<int>());
        Assert.Equal(EndpointOptions.DEFAULT_GATEWAY_PORT, Gateway(first)["exposedPort"]!.GetValue<int>());
    }

    [Theory]
    [MemberData(nameof(Environments))]
    public void Api_Settings_MakeItAClientOfTheSameCluster(string environment)
    {
        var deployment = Of(environment);
        var api = Bind(deployment.Api);
        var silo = Bind(deployment.Silos[0]);
        Assert.False(api.Silo.Embedded);
        Assert.Equal((silo.Silo.ClusterId, silo.Silo.ServiceId), (api.Silo.ClusterId, api.Silo.ServiceId));
        Assert.Equal(silo.Storage.AzureBlobs.Container, api.Storage.AzureBlobs.Container);
        var container = Assert.Single(deployment.OfType("Microsoft.Storage/storageAccounts/blobServices/containers"));
        Assert.EndsWith($"/{api.Storage.AzureBlobs.Container}", container["name"]!.GetValue<string>(), StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Environments))]
    public void Api_FromOutside_IsReachedByHttpsAlone(string environment)
    {
        var deployment = Of(environment);
        var ingress = deployment.Api.Ingress;
        Assert.True(ingress["external"]!.GetValue<bool>());
        Assert.False(ingress["allowInsecure"]!.GetValue<bool>());
        Assert.Equal("auto", ingress["transport"]!.GetValue<string>());
        Assert.Equal(deployment.Api.HttpPort, ingress["targetPort"]!.GetValue<int>());
        Assert.DoesNotContain(ingress["additionalPortMappings"]?.AsArray() ?? [], port => (bool)port!["external"]!);
        Assert.False(deployment.PropertiesOf("Microsoft.App/managedEnvironments", "-api-env")["vnetConfiguration"]!["internal"]!.GetValue<bool>());

        var rules = deployment.PropertiesOf("Microsoft.Network/networkSecurityGroups", "-api-nsg")["securityRules"]!.AsArray();
        var open = Assert.Single(rules, rule => Sources(rule!["properties"]!).Contains("Internet"))!["properties"]!;
        Assert.Equal(["443", "31443"], open["destinationPortRanges"]!.AsArray().Select(port => port!.GetValue<string>()));
    }

    [Theory]
    [MemberData(nameof(Environments))]
    public void Probes_OfEveryProcess_AskWhatTheCodeServes(string environment)
    {
        var silo = SourcesIn("Silo");
        var api = SourcesIn("Api");
        Assert.All(Of(environment).Apps, app =>
        {
            var source = app.ContainerName == "silo" ? silo : api;
            Assert.Equal(["Startup", "Readiness", "Liveness"], app.Probes.Select(probe => probe["type"]!.GetValue<string>()));
            Assert.Equal(
                ["/health/live", "/health/ready", "/health/live"],
                app.Probes.Select(probe => probe["httpGet"]!["path"]!.GetValue<string>()));
            Assert.All(app.Probes, probe =>
            {
                Assert.Equal(app.HttpPort, probe["httpGet"]!["port"]!.GetValue<int>());
                Assert.Contains($"\"{probe["httpGet"]!["path"]}\"", source, StringComparison.Ordinal);
            });
        });
    }

    [Theory]
    [MemberData(nameof(Environments))]
    public void Processes_WhenStopped_AreGivenLongerThanTheyTake(string environment) =>
        Assert.All(Of(environment).Apps, app => Assert.True(
            app.Properties["template"]!["terminationGracePeriodSeconds"]!.GetValue<int>() > ClusterLimits.ShutdownTimeout.TotalSeconds));

    private static string SourcesIn(string folder) => string.Concat(
        Directory.GetFiles(Repository.PathOf(folder), "*.cs", SearchOption.AllDirectories)
            .Where(file => !file.Contains($"{Path.DirectorySeparatorChar}obj{Path.DirectorySeparatorChar}", StringComparison.Ordinal))
            .Select(File.ReadAllText));

    private static JsonNode Gateway(ContainerApp silo) => Assert.Single(silo.Ingress["additionalPortMappings"]!.AsArray())!;

    private static IEnumerable<string> Sources(JsonNode rule) => rule["sourceAddressPrefixes"] is JsonArray several
        ? several.Select(source => source!.GetValue<string>())
        : [rule["sourceAddressPrefix"]!.GetValue<string>()];

    /// <summary>Reads an app's settings as its process would. An unknown name, which the process would ignore, fails.</summary>
    private static OrleansStreamOptions Bind(ContainerApp app)
    {
        var prefix = $"{OrleansStreamOptions.SectionName}__";
        var settings = app.Environment
            .Where(setting => setting.Key.StartsWith(prefix, StringComparison.Ordinal)
                && !OtherSections.Any(section => setting.Key.StartsWith(prefix + section, StringComparison.Ordinal)))
            .Select(setting => KeyValuePair.Create(setting.Key[prefix.Length..].Replace("__", ":", StringComparison.Ordinal), (string?)Known(setting.Value)));
        var options = new OrleansStreamOptions();
        new ConfigurationBuilder().AddInMemoryCollection(settings).Build()
            .Bind(options, binder => binder.ErrorOnUnknownConfiguration = true);
        Assert.Equal(StorageOptions.AzureBlobsProvider, options.Storage.Provider);
        // Whether this build has that provider is no matter of the template.
        var failures = new OrleansStreamOptionsValidator().Validate(name: null, options).Failures ?? [];
        Assert.DoesNotContain(failures, failure => !failure.StartsWith($"{OrleansStreamOptions.SectionName}:Storage:Provider ", StringComparison.Ordinal));
        return options;
    }

    private static string Known(string value) =>
        value.EndsWith("staticIp.value]", StringComparison.Ordinal) ? PrivateAddress
        : value.EndsWith("blobServiceUri.value]", StringComparison.Ordinal) ? BlobService
        : value;

    private Deployment Of(string environment) => environment switch
    {
        "prod" => templates.Production,
        "dev" => templates.Development,
        _ => templates.Upgrading,
    };
}
