using System.Diagnostics;
using NJsonSchema.CodeGeneration.CSharp;
using NSwag;
using NSwag.CodeGeneration.CSharp;
using OrleansStream.Tests.Support;
using OrleansStream.Tests.Support.Processes;
using OrleansStream.Tests.Support.Services;

namespace OrleansStream.Tests.OpenApi;

/// <summary>
/// Generators take the description of the API without a warning, and what they generate compiles, creates a topic, produces, fetches and
/// polls. One file a generator has the program: OpenApi/Programs.
/// </summary>
public sealed class GeneratedClientTests(ApiFixture api) : IClassFixture<ApiFixture>
{
    private const string Namespace = "OrleansStream.Generated";
    private const string ClientName = "OrleansStreamClient";

    // What each program returns: the settings as answered, where its second record is, the first as fetched, what was polled, and an error.
    private const string Expected =
        """86400000 zstd 1 peru-chile {"minute":12} 1781205600000 stadium 2 peru-chile UNKNOWN_TOPIC_OR_PARTITION""";

    // Seconds, on a machine that has nothing else to do.
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(3);
    private static readonly string Programs = Path.Combine(AppContext.BaseDirectory, "OpenApi", "Programs");
    private static readonly string NodeModules = Repository.PathOf("Tests", "node_modules");

    private string Origin => api.Client.BaseAddress!.GetLeftPart(UriPartial.Authority);

    [Theory]
    [InlineData(CSharpJsonLibrary.SystemTextJson), InlineData(CSharpJsonLibrary.NewtonsoftJson)]
    public async Task NSwag_FromTheDocument_GeneratesAClientThatWorks(CSharpJsonLibrary library)
    {
        var document = await OpenApiDocument.FromJsonAsync(await ReadAsync(), TestContext.Current.CancellationToken);
        var settings = new CSharpClientGeneratorSettings
        {
            ClassName = ClientName,
            GenerateOptionalParameters = true,
            CSharpGeneratorSettings = { Namespace = Namespace, JsonLibrary = library, GenerateNullableReferenceTypes = true },
        };
        var client = new CSharpClientGenerator(document, settings).GenerateFile();

        var told = await CompiledProgram.RunAsync([client, await ProgramAsync("NSwag.cs")], Origin, $"nswag-{library}");

        // Newtonsoft's own objects are shown with line ends and spaces.
        Assert.Equal(Expected, told.ReplaceLineEndings("").Replace("  \"minute\": ", "\"minute\":", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Kiota_FromTheDocument_GeneratesAClientThatWorks()
    {
        using var folder = new ScratchFolder();
        await File.WriteAllTextAsync(folder.PathOf("openapi.json"), await ReadAsync(), TestContext.Current.CancellationToken);
        var output = folder.PathOf("client");
        await RunAsync(
            "dotnet", Repository.Root, "kiota", "generate", "-l", "CSharp", "-d", folder.PathOf("openapi.json"), "-o", output, "-c", ClientName,
            "-n", Namespace, "--exclude-backward-compatible", "--log-level", "Warning");
        List<string> sources = [await ProgramAsync("Kiota.cs")];
        foreach (var file in Directory.EnumerateFiles(output, "*.cs", SearchOption.AllDirectories))
            sources.Add(await File.ReadAllTextAsync(file, TestContext.Current.CancellationToken));

        Assert.Equal(Expected, await CompiledProgram.RunAsync(sources, Origin, "kiota"));
    }

    [Fact]
    public async Task TypeScript_FromTheDocument_GeneratesTypesThatAClientWorksWith()
    {
        await File.WriteAllTextAsync(Path.Combine(Programs, "openapi.json"), await ReadAsync(), TestContext.Current.CancellationToken);
        await RunAsync("node", Programs, Path.Combine(NodeModules, "openapi-typescript", "bin", "cli.js"), "openapi.json", "-o", "service.d.ts");
        await RunAsync(
            "node", Programs, Path.Combine(NodeModules, "typescript", "bin", "tsc"), "--strict", "--noUncheckedIndexedAccess", "--target", "es2022",
            "--lib", "es2022,dom", "--module", "nodenext", "--skipLibCheck", "--outDir", "out", "program.mts");

        Assert.Equal(Expected, (await RunAsync("node", Programs, Path.Combine("out", "program.mjs"), Origin, "typescript")).Trim());
    }

    [Fact]
    public async Task Redocly_OfTheDocument_FindsNothing()
    {
        using var folder = new ScratchFolder();
        // A description that names this machine is one that it warns of.
        var document = (await ReadAsync()).Replace(Origin, "https://orleansstream.test", StringComparison.Ordinal);
        await File.WriteAllTextAsync(folder.PathOf("openapi.json"), document, TestContext.Current.CancellationToken);
        var told = await RunAsync(
            "node", folder.Path, Path.Combine(NodeModules, "@redocly", "cli", "bin", "cli.js"), "lint", "openapi.json", "--format=json");
        Assert.Contains("\"problems\": []", told, StringComparison.Ordinal);
    }

    private async Task<string> ReadAsync() => await api.Client.GetStringAsync("/swagger/v1/swagger.json", TestContext.Current.CancellationToken);

    private static Task<string> ProgramAsync(string name) =>
        File.ReadAllTextAsync(Path.Combine(Programs, name), TestContext.Current.CancellationToken);

    private static async Task<string> RunAsync(string program, string folder, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments) { WorkingDirectory = folder };
        // What these programs would ask of the network beside their work.
        start.Environment["KIOTA_OFFLINE_ENABLED"] = "true";
        start.Environment["KIOTA_TELEMETRY_OPTOUT"] = "true";
        start.Environment["REDOCLY_TELEMETRY"] = "off";
        start.Environment["REDOCLY_SUPPRESS_UPDATE_NOTICE"] = "true";
        var (exitCode, output, errors) = await OtherProgram.RunAsync(start, Patience);
        var all = $"{program} {string.Join(' ', arguments)}\n{exitCode} {errors}\n{output}";
        Assert.True(exitCode == 0, all);
        Assert.DoesNotContain("warn:", output, StringComparison.OrdinalIgnoreCase);
        // openapi-typescript warns there; Redocly's linter tells there how far it is.
        Assert.True(errors.Length == 0 || arguments.Contains("lint"), all);
        return output;
    }
}
