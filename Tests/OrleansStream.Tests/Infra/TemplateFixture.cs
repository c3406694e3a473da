using System.Text.Json.Nodes;
using OrleansStream.Tests.Support;

namespace OrleansStream.Tests.Infra;

/// <summary>
/// Lints the templates, compiles them, and works out what each parameter file would deploy, once for all tests. Bicep does
/// that offline: what is known only in Azure (an address, an identity's id) stays an expression in brackets.
/// </summary>
public sealed class TemplateFixture : IAsyncLifetime
{
    private const string Upgrade = "upgrade.bicepparam";

    private readonly string _folder = Directory.CreateTempSubdirectory("orleansstream-bicep").FullName;

    internal BicepAnswer Lint { get; private set; } = null!;

    /// <summary>What becomes of production where nobody has said who administers it and which application callers sign in for.</summary>
    internal BicepAnswer WithoutEntraId { get; private set; } = null!;

    /// <summary>The ARM templates of all files by themselves.</summary>
    internal IReadOnlyDictionary<string, JsonObject> Templates { get; private set; } = null!;

    internal BicepAnswer LintOfUnusedParameter { get; private set; } = null!;

    /// <summary>The ARM template of <c>main.bicep</c>.</summary>
    internal JsonObject Template { get; private set; } = null!;

    internal Deployment Production { get; private set; } = null!;

    internal Deployment Development { get; private set; } = null!;

    /// <summary>Production in the middle of an upgrade, with a set of silos of either version, and with all that is off by default.</summary>
    internal Deployment Upgrading { get; private set; } = null!;

    public async ValueTask InitializeAsync()
    {
        foreach (var file in Directory.GetFiles(Repository.PathOf("infra", "bicep")))
            File.Copy(file, Path.Combine(_folder, Path.GetFileName(file)));
        Lint = await BicepCommandLine.RunAsync(_folder, "lint", "--pattern", "*.bicep*");

        var build = await BicepCommandLine.RunAsync(_folder, "build", "main.bicep", "--outfile", "main.json");
        Assert.Equal(new BicepAnswer(0, ""), build);
        Template = await ReadAsync("main.json");
        Templates = new Dictionary<string, JsonObject> { ["main"] = Template, ["registry"] = await BuildAsync("registry"), ["publisher"] = await BuildAsync("publisher") };
        WithoutEntraId = await BicepCommandLine.RunAsync(_folder, new Dictionary<string, string>(), "build-params", "prod.bicepparam", "--stdout");

        Production = await PredictAsync("prod");
        Development = await PredictAsync("dev");
        var twoSets = await File.ReadAllTextAsync(Path.Combine(_folder, "prod.bicepparam"))
            + "param siloSets = [{ name: 'a', imageTag: '1' }, { name: 'b', imageTag: '2' }]\nparam alertEmails = ['operators@example.org']\nparam kafka = true\nparam applicationInsights = true\n";
        await File.WriteAllTextAsync(Path.Combine(_folder, Upgrade), twoSets);
        Upgrading = await PredictAsync(Path.GetFileNameWithoutExtension(Upgrade));

        await File.WriteAllTextAsync(Path.Combine(_folder, "unused.bicep"), "param unused string\n");
        LintOfUnusedParameter = await BicepCommandLine.RunAsync(_folder, "lint", "unused.bicep");
    }

    public ValueTask DisposeAsync()
    {
        Directory.Delete(_folder, recursive: true);
        return ValueTask.CompletedTask;
    }

    private async Task<JsonObject> BuildAsync(string name)
    {
        Assert.Equal(new BicepAnswer(0, ""), await BicepCommandLine.RunAsync(_folder, "build", $"{name}.bicep", "--outfile", $"{name}.json"));
        return await ReadAsync($"{name}.json");
    }

    private async Task<Deployment> PredictAsync(string name)
    {
        var answer = await BicepCommandLine.RunAsync(
            _folder, "snapshot", $"{name}.bicepparam",
            "--subscription-id", Guid.Empty.ToString(), "--resource-group", "test", "--location", "westeurope");
        Assert.Equal(new BicepAnswer(0, ""), answer);
        return new Deployment(await ReadAsync($"{name}.snapshot.json"));
    }

    private async Task<JsonObject> ReadAsync(string file)
    {
        await using var stream = File.OpenRead(Path.Combine(_folder, file));
        return (await JsonNode.ParseAsync(stream))!.AsObject();
    }
}
