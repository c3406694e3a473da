using System.Text.RegularExpressions;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;

namespace OrleansStream.AspireTests;

/// <summary>Each program in the packages' READMEs compiles as it stands there.</summary>
public sealed partial class ReadmeTests
{
    // What a new project has by itself. What Aspire makes of an application host's references is in the example's.
    private const string Made =
        """
        global using System; global using System.Collections.Generic; global using System.IO; global using System.Linq;
        global using System.Net.Http; global using System.Threading; global using System.Threading.Tasks;
        """;

    private const string MadeInAppHosts = "global using Aspire.Hosting; global using Aspire.Hosting.ApplicationModel;";

    [Theory]
    [InlineData("Aspire.Hosting", 2)]
    [InlineData("Aspire.Client", 2)]
    public void Programs_AllCompile(string package, int count)
    {
        var readme = File.ReadAllText(Path.Join(Built.Root, "Api", "Client", package, "README.md"));
        string[] programs = [.. Code().Matches(readme).Select(match => match.Groups[1].Value)];

        Assert.Equal(count, programs.Length);
        Assert.All(programs, program => Compile(package == "Aspire.Hosting" ? [Made, MadeInAppHosts, program] : [Made, program]));
    }

    private static void Compile(string[] sources)
    {
        var references = ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator)
            .Select(path => MetadataReference.CreateFromFile(path));
        var kind = sources[^1].Contains("builder.Build().Run()", StringComparison.Ordinal) ? OutputKind.ConsoleApplication : OutputKind.DynamicallyLinkedLibrary;
        var compilation = CSharpCompilation.Create(
            "Readme", sources.Select(source => CSharpSyntaxTree.ParseText(source)), references,
            new CSharpCompilationOptions(kind, nullableContextOptions: NullableContextOptions.Enable));
        using var assembly = new MemoryStream();
        var result = compilation.Emit(assembly, cancellationToken: TestContext.Current.CancellationToken);
        Assert.Empty(result.Diagnostics.Where(found => found.Severity >= DiagnosticSeverity.Warning).Select(found => $"{found}\n{sources[^1]}"));
    }

    [GeneratedRegex("(?s)```csharp\n(.*?)```")]
    private static partial Regex Code();
}
