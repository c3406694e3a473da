using System.Text.Json.Nodes;

namespace OrleansStream.Tests.Infra;

[Collection(TemplateCollection.Name)]
public sealed class TemplateTests(TemplateFixture templates)
{
    private const string AcrPull = "7f951dda-4ed3-4680-a7ca-43fe172d538d";
    private const string BlobDataContributor = "ba92f5b4-2d11-453d-a403-e96b0029c9fe";
    private const string BlobDataReader = "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1";
    private const string Account = "Microsoft.Storage/storageAccounts";

    public static TheoryData<string> Environments => ["prod", "dev"];

    [Fact]
    public void Lint_OfEveryTemplateAndParameterFile_FindsNothing() =>
        Assert.Equal(new BicepAnswer(0, ""), templates.Lint);

    [Fact]
    public void Lint_WhenATemplateIsSloppy_Fails()
    {
        Assert.NotEqual(0, templates.LintOfUnusedParameter.ExitCode);
        Assert.Contains("Error no-unused-params", templates.LintOfUnusedParameter.Findings, StringComparison.Ordinal);
    }

    [Fact]
    public void Main_EveryParameter_IsDescribed()
    {
        var parameters = templates.Template["parameters"]!.AsObject();
        Assert.NotEmpty(parameters);
        Assert.All(parameters, parameter =>
            Assert.False(string.IsNullOrWhiteSpace(parameter.Value!["metadata"]?["description"]?.GetValue<string>()), parameter.Key));
    }

    [Fact]
    public void Main_Outputs_NameTheApiAndItsSwagger()
    {
        var outputs = templates.Template["outputs"]!.AsObject();
        Assert.Contains("apiUrl", outputs);
        Assert.EndsWith("/swagger', reference('api').outputs.url.value)]", outputs["swaggerUrl"]!["value"]!.GetValue<string>(), StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Environments))]
    public void Storage_InAnyEnvironment_LetsInNobodyWithoutAnIdentity(string environment)
    {
        var account = Of(environment).PropertiesOf(Account);
        Assert.False(account["allowBlobPublicAccess"]!.GetValue<bool>());
        Assert.False(account["allowSharedKeyAccess"]!.GetValue<bool>());
        Assert.False(account["allowCrossTenantReplication"]!.GetValue<bool>());
        Assert.True(account["supportsHttpsTrafficOnly"]!.GetValue<bool>());
        Assert.Equal("TLS1_2", account["minimumTlsVersion"]!.GetValue<string>());
        Assert.Equal("Deny", account["networkAcls"]!["defaultAction"]!.GetValue<string>());
        Assert.Empty(account["networkAcls"]!["ipRules"]!.AsArray());
        Assert.Equal("None", Of(environment).PropertiesOf($"{Account}/blobServices/containers")["publicAccess"]!.GetValue<string>());
    }

    [Fact]
    public void Storage_InProduction_IsInThreeZonesAndLocked()
    {
        var account = Assert.Single(templates.Production.OfType(Account));
        Assert.Equal("Standard_ZRS", account["sku"]!["name"]!.GetValue<string>());
        Assert.Equal("StorageV2", account["kind"]!.GetValue<string>());
        Assert.Equal("CanNotDelete", templates.Production.PropertiesOf("Microsoft.Authorization/locks")["level"]!.GetValue<string>());
        Assert.All(
            templates.Production.OfType("Microsoft.App/managedEnvironments"),
            environment => Assert.True(environment["properties"]!["zoneRedundant"]!.GetValue<bool>()));
    }

    [Theory]
    [MemberData(nameof(Environments))]
    public void Storage_WhatIsDeleted_CanBeBroughtBack(string environment)
    {
        var service = Of(environment).PropertiesOf($"{Account}/blobServices");
        Assert.True(service["deleteRetentionPolicy"]!["enabled"]!.GetValue<bool>());
        Assert.True(service["containerDeleteRetentionPolicy"]!["enabled"]!.GetValue<bool>());
        Assert.True(service["deleteRetentionPolicy"]!["days"]!.GetValue<int>() >= (environment == "prod" ? 7 : 1));
    }

    [Theory]
    [MemberData(nameof(Environments))]
    public void Lifecycle_NoRule_TouchesALiveBlob(string environment)
    {
        var rules = Of(environment).PropertiesOf($"{Account}/managementPolicies")["policy"]!["rules"]!.AsArray();
        Assert.NotEmpty(rules);
        Assert.All(rules, rule => Assert.DoesNotContain("baseBlob", rule!["definition"]!["actions"]!.AsObject()));
    }

    [Theory]
    [MemberData(nameof(Environments))]
    public void Identities_HaveTheDataRoleOnTheContainerAndMayPullImages_AndNothingElse(string environment)
    {
        string[] granted = [.. Of(environment).OfType("Microsoft.Authorization/roleAssignments").Select(Describe)];
        Assert.Equivalent(
            new[]
            {
                $"silo-id {BlobDataContributor} containers",
                $"silo-id {AcrPull} registries",
                $"api-id {BlobDataReader} containers",
                $"api-id {AcrPull} registries",
            },
            granted,
            strict: true);
        Assert.All(Of(environment).Apps, app => Assert.Contains("AZURE_CLIENT_ID", app.Environment));
    }

    [Theory]
    [MemberData(nameof(Environments))]
    public void Registry_OfEveryApp_IsOpenedByItsIdentity(string environment) =>
        Assert.All(Of(environment).Apps, app =>
        {
            var registry = Assert.Single(app.Properties["configuration"]!["registries"]!.AsArray())!.AsObject();
            Assert.DoesNotContain("passwordSecretRef", registry);
            Assert.Contains("identity", registry);
            Assert.Null(app.Properties["configuration"]!["secrets"]);
        });

    private static string Describe(JsonObject assignment)
    {
        // …/registries/{name}/providers/Microsoft.Authorization/roleAssignments/{id}: the resource it is granted on, then the grant.
        var id = assignment["id"]!.GetValue<string>().Split('/');
        var scope = id[^6];
        var properties = assignment["properties"]!;
        var role = properties["roleDefinitionId"]!.GetValue<string>().Split('/')[^1];
        var who = properties["principalId"]!.GetValue<string>().Contains("-silo-id'", StringComparison.Ordinal) ? "silo-id" : "api-id";
        return $"{who} {role} {scope}";
    }

    private Deployment Of(string environment) => environment == "prod" ? templates.Production : templates.Development;
}
