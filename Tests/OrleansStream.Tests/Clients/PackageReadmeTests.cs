using System.Text.RegularExpressions;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using OrleansStream.Tests.Support;
using OrleansStream.Tests.Support.Services;

namespace OrleansStream.Tests.Clients;

/// <summary>Each program in the package's README compiles as it stands there, and the first one runs.</summary>
[Collection(ApiTests.Name)]
public sealed partial class PackageReadmeTests(ApiFixture api)
{
    // What a new console project has by itself.
    private const string Usings =
        "global using System; global using System.Collections.Generic; global using System.IO; global using System.Linq; global using System.Net.Http; global using System.Threading; global using System.Threading.Tasks;";

    // What System.Text.Json's generator adds to a context: it does not run here.
    private const string Generated =
        """
        internal sealed partial class Events
        {
            public Events() : base(null) { }
            public static Events Default => new();
            protected override System.Text.Json.JsonSerializerOptions? GeneratedSerializerOptions => null;
            public override System.Text.Json.Serialization.Metadata.JsonTypeInfo? GetTypeInfo(Type type) => null;
        }
        """;

    private static string[] Programs =>
        [.. Code().Matches(File.ReadAllText(Repository.PathOf("Api", "Client", "README.md"))).Select(match => match.Groups[1].Value)];

    [Fact]
    public void Programs_AllCompile()
    {
        Assert.InRange(Programs.Length, 5, 20);
        Assert.All(Programs, program => Compile(program));
    }

    [Fact]
    public async Task FirstProgram_ProducesAndConsumes()
    {
        using var rig = await ClientRig.MakeAsync(api);
        var topic = $"new-{rig.Topic}";
        var program = Programs[0].Replace("http://localhost:8080", api.Client.BaseAddress!.ToString(), StringComparison.Ordinal)
            .Replace("\"matches\"", $"\"{topic}\"", StringComparison.Ordinal).Replace("\"scoreboard\"", $"\"{rig.Group}\"", StringComparison.Ordinal);
        var main = System.Reflection.Assembly.Load(Compile(program)).EntryPoint!;

        await Task.Run(() => main.Invoke(null, [Array.Empty<string>()]), TestContext.Current.CancellationToken);

        Assert.Equal("""{"event":"goal","minute":12}""", Assert.Single(await rig.ReadAllAsync(topic)).Value);
        Assert.Equal(0, (await rig.Client.Admin.Groups.GetLagAsync(rig.Group)).Lag);
        Assert.InRange(Programs[0].Trim().Split('\n').Length, 8, 14);
    }

    private static byte[] Compile(string program)
    {
        string[] sources = program.Contains("partial class Events", StringComparison.Ordinal) ? [Usings, program, Generated] : [Usings, program];
        var references = ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator)
            .Select(path => MetadataReference.CreateFromFile(path));
        var kind = program.Contains("await using", StringComparison.Ordinal) ? OutputKind.ConsoleApplication : OutputKind.DynamicallyLinkedLibrary;
        var compilation = CSharpCompilation.Create(
            "Readme", sources.Select(source => CSharpSyntaxTree.ParseText(source)), references,
            new CSharpCompilationOptions(kind, nullableContextOptions: NullableContextOptions.Enable));
        using var assembly = new MemoryStream();
        var result = compilation.Emit(assembly, cancellationToken: TestContext.Current.CancellationToken);
        Assert.Empty(result.Diagnostics.Where(found => found.Severity >= DiagnosticSeverity.Warning).Select(found => $"{found}\n{program}"));
        return assembly.ToArray();
    }

    [GeneratedRegex("(?s)```csharp\n(.*?)```")]
    private static partial Regex Code();
}
