using System.Collections.Frozen;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Microsoft.Extensions.Configuration;
using OrleansStream.Gateway.Security;
using OrleansStream.Security;
using OrleansStream.Tests.Support;

namespace OrleansStream.Tests.Infra;

/// <summary>Who gets in where the templates are deployed: whoever Entra ID knows, and nobody by a secret that lies about.</summary>
[Collection(TemplateCollection.Name)]
public sealed partial class TemplateSecurityTests(TemplateFixture templates)
{
    private const string Prefix = "OrleansStream__Security__";

    public static TheoryData<string> Environments => ["prod", "dev", "upgrade"];

    [Theory]
    [MemberData(nameof(Environments))]
    public void Api_EverybodyWhoCalls_SignsInByEntraId(string environment)
    {
        var options = Bind(Of(environment).Api);

        Assert.True(options.RequiresSignIn);
        Assert.False(options.AllowAnonymous || options.TakesKeys);
        Assert.Equal("https://login.example/tenant/v2.0", options.OpenIdConnect.Authority);
        Assert.Equal(BicepCommandLine.OperatorsSettings["ORLEANSSTREAM_APPLICATION_ID"], options.OpenIdConnect.Audience);
        Assert.Null(new SecurityOptionsValidator().Validate(name: null, options).Failures);
    }

    [Fact]
    public void Api_Administrators_AreThoseWhomTheOperatorNames_PeopleAndGroups()
    {
        var rules = new AccessRuleSet("1", StoredAccess.None, Bind(templates.Production.Api).Admins.ToFrozenSet(StringComparer.Ordinal));
        foreach (var id in BicepCommandLine.OperatorsSettings["ORLEANSSTREAM_ADMIN_PRINCIPAL_IDS"].Split(','))
        {
            Assert.Equal(AccessOperations.All, rules.Compile(new Principal(PrincipalKind.User, id)).On(ResourceKind.Topic, "any"));
            Assert.Equal(AccessOperations.All, rules.Compile(new Principal(PrincipalKind.User, "other") { Groups = [id] }).On(ResourceKind.Cluster, AccessRight.ClusterName));
        }

        Assert.Equal(AccessOperations.None, rules.Compile(new Principal(PrincipalKind.User, "other")).On(ResourceKind.Topic, "any"));
    }

    [Fact]
    public void Deployment_WhereNobodySaysWhoSignsIn_IsNone()
    {
        Assert.NotEqual(0, templates.WithoutEntraId.ExitCode);
        Assert.All(BicepCommandLine.OperatorsSettings.Keys,
            name => Assert.Contains(name, templates.WithoutEntraId.Findings, StringComparison.Ordinal));
        Assert.All(BicepCommandLine.OperatorsSettings.Keys, name => Assert.Contains($"export {name}=", File.ReadAllText(Repository.PathOf("infra", "README.md")), StringComparison.Ordinal));
        foreach (var required in (string[])["applicationId", "adminPrincipalIds"])
            Assert.DoesNotContain("defaultValue", templates.Template["parameters"]![required]!.AsObject());
    }

    /// <summary>Neither a parameter's default nor an output nor a setting of a process is a secret, and nothing asks Azure for one.</summary>
    [Fact]
    public void Templates_HoldNoSecret()
    {
        foreach (var (name, template) in templates.Templates)
        {
            Assert.False(AsksForSecret().IsMatch(template.ToJsonString()), name);
            foreach (var nested in TemplatesIn(template))
            {
                foreach (var (parameter, value) in nested["parameters"]?.AsObject() ?? [])
                    Assert.False(((string)value!["type"]!).StartsWith("secure", StringComparison.OrdinalIgnoreCase), parameter);
                foreach (var (output, value) in nested["outputs"]?.AsObject() ?? [])
                    Assert.False(SoundsSecret().IsMatch(output) || SoundsSecret().IsMatch(value!["value"]?.ToJsonString() ?? ""), output);
            }
        }

        var settings = ((Deployment[])[templates.Production, templates.Development, templates.Upgrading])
            .SelectMany(deployment => deployment.Apps).SelectMany(app => app.Environment.Keys).Distinct();
        // Whoever has the second may send telemetry, and read nothing.
        string[] harmless = [$"{Prefix}ApiKeys", "APPLICATIONINSIGHTS_CONNECTION_STRING"];
        Assert.DoesNotContain(settings, setting => SoundsSecret().IsMatch(setting) && !harmless.Contains(setting));
    }

    [Fact]
    public void Secrets_WhenThereAreSome_AreSeen()
    {
        Assert.Matches(AsksForSecret(), "[listKeys(resourceId('Microsoft.Storage/storageAccounts', 'a'), '2025-01-01').keys[0].value]");
        Assert.Matches(AsksForSecret(), "DefaultEndpointsProtocol=https;AccountKey=abc");
        Assert.Matches(SoundsSecret(), "OrleansStream__Security__BootstrapKey");
        Assert.Matches(SoundsSecret(), "registryPassword");
    }

    [Fact]
    public void Application_InEntraId_HasTheRolesOfTheCode()
    {
        var application = JsonNode.Parse(File.ReadAllText(Repository.PathOf("infra", "entra", "application.json")))!;
        var roles = application["appRoles"]!.AsArray();

        Assert.Equal(AccessRoles.AllNames, roles.Select(role => (string)role!["displayName"]!));
        Assert.Equal(AccessRoles.AllNames, roles.Select(role => AccessRoles.Find((string)role!["value"]!)?.NameOf()));
        Assert.All(roles, role => Assert.DoesNotContain(' ', (string)role!["value"]!));
        Assert.Equal(roles.Count, roles.Select(role => Guid.Parse((string)role!["id"]!)).Distinct().Count());
        Assert.All(roles, role => Assert.Equal(["User", "Application"], role!["allowedMemberTypes"]!.AsArray().Select(type => (string)type!)));
        // The issuer and the audience are those of the settings in tokens of version 2 only.
        Assert.Equal(2, (int)application["api"]!["requestedAccessTokenVersion"]!);
        var scope = Assert.Single(application["api"]!["oauth2PermissionScopes"]!.AsArray())!;
        Assert.Equal((string)scope["id"]!, (string)Assert.Single(application["api"]!["preAuthorizedApplications"]!.AsArray())!["delegatedPermissionIds"]![0]!);
        Assert.DoesNotContain(application.AsObject(), property => property.Key is "passwordCredentials" or "keyCredentials");
    }

    [Fact]
    public void Publisher_SignsInByGitHubsTokenOfOneEnvironment_AndPushesOnly()
    {
        var template = templates.Templates["publisher"].ToJsonString();
        Assert.Contains("https://token.actions.githubusercontent.com", template, StringComparison.Ordinal);
        Assert.Contains("repo:{0}:environment:{1}", template, StringComparison.Ordinal);
        Assert.Equal("8311e382-0749-4cb8-b61a-304f252e45ec", (string)templates.Templates["publisher"]["variables"]!["acrPushRoleId"]!);
        Assert.Single(Regex.Matches(template, "\"type\":\"Microsoft.Authorization/roleAssignments\""));
    }

    /// <summary>Reads the sign-in settings of an app as its process would. An unknown name, which the process would ignore, fails.</summary>
    private static SecurityOptions Bind(ContainerApp app)
    {
        var options = new SecurityOptions();
        new ConfigurationBuilder()
            .AddInMemoryCollection(app.Environment.Where(setting => setting.Key.StartsWith(Prefix, StringComparison.Ordinal))
                .Select(setting => KeyValuePair.Create(setting.Key[Prefix.Length..].Replace("__", ":", StringComparison.Ordinal), (string?)Known(setting.Value))))
            .Build().Bind(options, binder => binder.ErrorOnUnknownConfiguration = true);
        return options;
    }

    private static string Known(string value) =>
        value == "[format('{0}{1}/v2.0', environment().authentication.loginEndpoint, tenant().tenantId)]" ? "https://login.example/tenant/v2.0" : value;

    private static IEnumerable<JsonObject> TemplatesIn(JsonObject template)
    {
        yield return template;
        var resources = template["resources"] switch
        {
            JsonObject named => named.Select(one => one.Value!),
            JsonArray list => list.Select(one => one!),
            _ => [],
        };
        foreach (var nested in resources.Select(resource => resource["properties"]?["template"]).OfType<JsonObject>().SelectMany(TemplatesIn))
            yield return nested;
    }

    private Deployment Of(string environment) => environment switch
    {
        "prod" => templates.Production,
        "dev" => templates.Development,
        _ => templates.Upgrading,
    };

    [GeneratedRegex(@"\blist(Keys|Secrets|Credentials|AccountSas|ServiceSas|\w*Keys)\(|AccountKey=|SharedAccessSignature|primarySharedKey|getSecret\(", RegexOptions.IgnoreCase)]
    private static partial Regex AsksForSecret();

    [GeneratedRegex("password|secret|connectionstring|accesskey|sharedkey|bootstrapkey|apikey|sas(token|uri|url)", RegexOptions.IgnoreCase)]
    private static partial Regex SoundsSecret();
}
